# What conf is built from.
