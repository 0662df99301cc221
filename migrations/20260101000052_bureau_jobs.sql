-- migrate:up

-- How far a running job has come, for who waits: {"done": 12000, "whole": 250000}. It is no fact
-- of the job's outcome.
ALTER TABLE ledger.jobs ADD COLUMN progress jsonb;

-- Who fetched a bureau file: it has the data of everybody in it.
CREATE TABLE bureau.fetched (
    file        bigint      NOT NULL REFERENCES bureau.files ON DELETE CASCADE,
    fetched_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor       text        NOT NULL CHECK (actor <> '')
);
CREATE INDEX ON bureau.fetched (file);
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON bureau.fetched
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
GRANT SELECT ON bureau.fetched TO cartera_app;
GRANT INSERT (file, actor) ON bureau.fetched TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
