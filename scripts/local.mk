# What scripts is built from.
