"""Borrowers as they are kept: encrypted under a key each, read with a trace, forgotten for good."""
