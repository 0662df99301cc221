"""Background jobs: thin actors over the ledger and the projections."""
