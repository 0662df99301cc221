-- migrate:up

-- Which statements went out: what a loan's next one begins with. Written once, never changed: a
-- correction stands on the next statement. `template` and `sheet` are hashes (sha-256) of the
-- template's text and of what it was given.
CREATE TABLE ledger.statements (
    loan_id    uuid        NOT NULL,
    ends_on    date        NOT NULL,
    begins_on  date        NOT NULL,
    position   bigint      NOT NULL CHECK (position > 0),
    opening    bigint      NOT NULL,
    closing    bigint      NOT NULL,
    template   text        NOT NULL,
    sheet      text        NOT NULL,
    issued_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (loan_id, ends_on),
    CHECK (begins_on <= ends_on)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.statements
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.statements ENABLE ALWAYS TRIGGER append_only;

REVOKE ALL ON ledger.statements FROM cartera_app;
GRANT SELECT ON ledger.statements TO cartera_app;
GRANT INSERT (loan_id, ends_on, begins_on, position, opening, closing, template, sheet)
    ON ledger.statements TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
