-- migrate:up

-- Books made as of a date or a position have a schema of their own (projections/books.py), which
-- the application may not make by itself. One of the same name goes.
CREATE FUNCTION ledger.new_books(name text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF name !~ '^read_[a-z][a-z0-9_]*$' OR name = 'read_shadow' THEN
        RAISE EXCEPTION '% is no schema for books', name USING ERRCODE = 'invalid_schema_name';
    END IF;
    EXECUTE format('DROP SCHEMA IF EXISTS %I CASCADE', name);
    EXECUTE format('CREATE SCHEMA %I AUTHORIZATION cartera_app', name);
END
$$;
REVOKE ALL ON FUNCTION ledger.new_books(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.new_books(text) TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
