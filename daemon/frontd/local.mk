# What daemon/frontd is built from.
include daemon/frontd/core.mk
