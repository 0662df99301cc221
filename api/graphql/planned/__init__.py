"""Reads planned as SQL: the selection of a document becomes one statement that writes the answer.

`written` says how SQL writes JSON, `kinds` what each type's fields are in the read models,
`planner` turns a document into a statement. What it has no plan for, the resolvers answer.
"""
