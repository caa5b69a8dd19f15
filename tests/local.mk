# What tests is built from.
