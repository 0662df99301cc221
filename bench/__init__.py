"""Benchmarks that print a ratio to a limit measured in the same run."""
