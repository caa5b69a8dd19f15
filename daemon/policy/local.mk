# What daemon/policy is built from.
