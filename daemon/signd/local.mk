# What daemon/signd is built from.
