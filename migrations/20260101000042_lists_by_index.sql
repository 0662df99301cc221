-- migrate:up

SET ROLE cartera_app;

-- Every order and filter of a list of loans has its index. Dates that may be missing are ordered as
-- the last day there is, and filtered by the same expression; loans are also looked for by borrower.
DO $$
DECLARE
    found regclass;
BEGIN
    FOR found IN
        SELECT i.indexrelid FROM pg_index AS i
        WHERE i.indrelid = 'read.loans'::regclass
          AND (pg_get_indexdef(i.indexrelid) LIKE '%(disbursed_on, loan_id)'
               OR pg_get_indexdef(i.indexrelid) LIKE '%(oldest_unpaid_due_on, loan_id)')
    LOOP
        EXECUTE format('DROP INDEX %s', found);
    END LOOP;
END
$$;
CREATE INDEX ON read.loans (coalesce(disbursed_on, DATE '9999-12-31'), loan_id);
CREATE INDEX ON read.loans (coalesce(maturity_on, DATE '9999-12-31'), loan_id);
CREATE INDEX ON read.loans (coalesce(oldest_unpaid_due_on, DATE '9999-12-31'), loan_id);
CREATE INDEX ON read.loans (borrower, loan_id);

RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
