"""The HTTP edge: REST for commands, GraphQL for reads."""
