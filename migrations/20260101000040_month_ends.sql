-- migrate:up

-- The book at a month's end as it was known when it was frozen: what reports of the month are made
-- from for ever after. `digest` is the sha-256 of its rows in order; whoever has the rows can
-- prove that they are these. Loans on the books, and those written off by then.
CREATE TABLE ledger.month_ends (
    month      date        PRIMARY KEY CHECK (month = (date_trunc('month', month)
                                              + interval '1 month - 1 day')::date),
    position   bigint      NOT NULL,
    loans      bigint      NOT NULL,
    digest     text        NOT NULL,
    actor      text        NOT NULL,
    frozen_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE ledger.month_end_loans (
    month          date     NOT NULL,
    loan_id        uuid     NOT NULL,
    loan_no        text     NOT NULL,
    borrower       text     NOT NULL,
    product        text     NOT NULL,
    branch         text     NOT NULL,
    officer        text     NOT NULL,
    currency       text     NOT NULL,
    status         text     NOT NULL CHECK (status IN ('active', 'written_off')),
    stage          smallint NOT NULL,
    days_past_due  integer  NOT NULL,
    bucket         text     NOT NULL,
    restructured   boolean  NOT NULL,
    booked_on      date     NOT NULL,
    disbursed      bigint   NOT NULL,
    principal      bigint   NOT NULL,
    written_off    bigint   NOT NULL,
    PRIMARY KEY (loan_id, month)
);
CREATE INDEX ON ledger.month_end_loans (month);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.month_ends
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.month_end_loans
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.month_ends ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.month_end_loans ENABLE ALWAYS TRIGGER append_only;

REVOKE ALL ON ledger.month_ends, ledger.month_end_loans FROM cartera_app;
GRANT SELECT ON ledger.month_ends, ledger.month_end_loans TO cartera_app;
GRANT INSERT (month, position, loans, digest, actor) ON ledger.month_ends TO cartera_app;
GRANT INSERT ON ledger.month_end_loans TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
