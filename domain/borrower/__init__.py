"""Who owes: a person as bureaus, the law and collections want him known. Pure, like all of it."""
