# What daemon/frontd is built from.
