-- migrate:up

SET ROLE cartera_app;

-- Every payment changes the principal of a header. With an index on it no header could be changed
-- within its page, and each payment went through all nine indexes. Pages of loans in the order of
-- their principal are sorted instead, as those in the order of their maturity are.
DO $$
DECLARE
    found regclass;
BEGIN
    FOR found IN
        SELECT i.indexrelid FROM pg_index AS i
        WHERE i.indrelid = 'read.loans'::regclass
          AND pg_get_indexdef(i.indexrelid) LIKE '%(principal, loan_id)'
    LOOP
        EXECUTE format('DROP INDEX %s', found);
    END LOOP;
END
$$;

RESET ROLE;

-- migrate:down
