"""The command line: thin commands over the ledger and the projections."""
