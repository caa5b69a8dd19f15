# What daemon/ledger is built from.
