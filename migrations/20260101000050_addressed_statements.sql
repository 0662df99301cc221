-- migrate:up

-- Which references a statement told the borrower to pay with, by kind: what is given out later does
-- not change what went out. `sheet` is the hash of the document addressed by number: whom it is
-- addressed to by name is personal data, which may have to be forgotten.
ALTER TABLE ledger.statements ADD COLUMN paid_with jsonb NOT NULL DEFAULT '{}';
GRANT INSERT (paid_with) ON ledger.statements TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
