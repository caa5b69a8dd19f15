# What drivers/store is built from.
