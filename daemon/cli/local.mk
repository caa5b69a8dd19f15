# What daemon/cli is built from.
