# What tests is built from.
include tests/fuzz/local.mk
