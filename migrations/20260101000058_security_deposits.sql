-- migrate:up

-- Security deposits are facts of their own; in the journal they stand with what else is kept for
-- the borrower.
SET ROLE cartera_app;
INSERT INTO read.journal_rules (kind, component, debit, credit)
SELECT kind, 'security_deposit', debit, credit
FROM read.journal_rules WHERE component = 'overpaid' AND kind NOT LIKE 'goodwill%'
UNION ALL
SELECT 'deposit_application', component, debit, credit
FROM read.journal_rules WHERE kind = 'application';
RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
