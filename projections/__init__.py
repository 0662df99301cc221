"""The read side: an engine and one module per question."""
