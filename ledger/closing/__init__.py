"""The close of a business date, in two lanes: docs/decisions/0009."""
