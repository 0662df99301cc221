-- migrate:up

-- What indices were worth, day by day, as they were published: reference rates in millionths of
-- one (112450 is 11.2450 %), units of account in millionths of money (8123456 is 8.123456 pesos).
-- A value is never changed: a correction is the day's next revision, and the last one counts.
CREATE TABLE ledger.index_values (
    index       text        NOT NULL CHECK (index <> ''),
    on_day      date        NOT NULL,
    revision    smallint    NOT NULL DEFAULT 1 CHECK (revision > 0),
    value       bigint      NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT transaction_timestamp(),
    recorded_by text        NOT NULL CHECK (recorded_by <> ''),
    PRIMARY KEY (index, on_day, revision)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.index_values
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.index_values ENABLE ALWAYS TRIGGER append_only;

REVOKE ALL ON ledger.index_values FROM cartera_app;
GRANT SELECT ON ledger.index_values TO cartera_app;
GRANT INSERT (index, on_day, revision, value, recorded_by) ON ledger.index_values TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
