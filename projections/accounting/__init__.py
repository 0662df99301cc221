"""Accounting: what the events mean in a company's own accounts, and its accountant's files."""
