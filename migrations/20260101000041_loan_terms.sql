-- migrate:up

SET ROLE cartera_app;

-- The agreement of a loan takes four fifths of its header and hardly ever changes, while every
-- payment writes the header anew: it stands beside it (projection: loans), in the live books and in
-- those made as of a date.
CREATE TABLE read.loan_terms (
    loan_id  uuid   PRIMARY KEY,
    terms    jsonb  NOT NULL
);

DO $$
DECLARE
    books name;
BEGIN
    FOR books IN
        SELECT n.nspname
        FROM pg_attribute AS a
        JOIN pg_class AS c ON c.oid = a.attrelid
        JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE c.relname = 'loans' AND a.attname = 'terms' AND n.nspname ~ '^read(_|$)'
    LOOP
        EXECUTE format(
            'CREATE TABLE IF NOT EXISTS %I.loan_terms (LIKE read.loan_terms INCLUDING ALL)', books
        );
        EXECUTE format(
            'INSERT INTO %1$I.loan_terms SELECT loan_id, terms FROM %1$I.loans', books
        );
        EXECUTE format('ALTER TABLE %I.loans DROP COLUMN terms', books);
    END LOOP;
END
$$;

RESET ROLE;

-- migrate:down
