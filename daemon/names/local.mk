# What daemon/names is built from.
