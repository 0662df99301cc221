-- migrate:up

-- Which references a statement told the borrower to pay with, by kind: what is given out later does
-- not change what went out. `sheet` is the hash of the document addressed by number: whom it is
-- addressed to by name is personal data, which may have to be forgotten.
ALTER TABLE ledger.statements ADD COLUMN paid_with jsonb NOT NULL DEFAULT '{}';
GRANT INSERT (paid_with) ON ledger.statements TO cartera_app;

-- How loans stood at a month's end: changes of stage after it, without reading the log.
CREATE INDEX events_staged ON ledger.events (effective_on, loan_id, version)
    WHERE type = 'stage-changed';

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
