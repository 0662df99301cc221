"""Documents on their way to borrowers: ordered, tried, taken or refused; each step is a fact."""
