"""Files for a company's accountant: each format of its own module, all of the same entries."""
