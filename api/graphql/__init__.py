"""GraphQL: every question about the book, answered from one snapshot of it."""
