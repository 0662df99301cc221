"""The journal: what each event means in double entry."""
