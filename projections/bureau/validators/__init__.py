"""Readers of bureau files, written apart from what writes them: they share no code with it."""
