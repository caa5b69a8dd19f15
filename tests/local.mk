# What tests is built from.
include tests/bench/local.mk
