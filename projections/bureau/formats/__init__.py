"""One module per file that a bureau takes."""
