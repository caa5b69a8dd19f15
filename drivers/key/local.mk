# What drivers/key is built from.
