"""Fiscal documents (CFDI 4.0) for the interest and fees of loans, and for what was paid of them."""
