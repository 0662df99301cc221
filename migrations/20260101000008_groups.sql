-- migrate:up

-- Which group a loan belongs to: from its opening, so that the members are found by one index.
ALTER TABLE ledger.loan_state ADD COLUMN group_no text NOT NULL DEFAULT '';
CREATE INDEX loan_state_by_group ON ledger.loan_state (group_no) WHERE group_no <> '';

-- A group as agreed: its members answer for one another. `members` are loan numbers in the order of
-- the list, `rule` how they share their payments. `id` is the order that opened it; with that id the
-- members' loans are opened, each once, however often the order is taken up again.
CREATE TABLE ledger.groups (
    group_no     text        PRIMARY KEY CHECK (group_no <> ''),
    id           uuid        NOT NULL UNIQUE,
    kind         text        NOT NULL,
    currency     text        NOT NULL,
    opened_on    date        NOT NULL,
    rule         jsonb       NOT NULL,
    members      text[]      NOT NULL,
    content      bytea       NOT NULL CHECK (octet_length(content) = 32),
    recorded_at  timestamptz NOT NULL DEFAULT transaction_timestamp()
);

-- A payment of a group, with its split fixed before anything of it is posted: whoever takes it up
-- again, after a crash, posts the same parts under the same keys. One number, one payment: the next
-- is split on what this one left. `posted_at` is progress: all parts are on their loans.
CREATE TABLE ledger.group_payments (
    group_no     text        NOT NULL REFERENCES ledger.groups,
    number       integer     NOT NULL CHECK (number > 0),
    id           uuid        NOT NULL UNIQUE,  -- the order's
    effective_on date        NOT NULL,
    amount       bigint      NOT NULL CHECK (amount > 0),
    split        jsonb       NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT transaction_timestamp(),
    posted_at    timestamptz,
    PRIMARY KEY (group_no, number)
);

-- Facts, but for the progress.
REVOKE ALL ON ledger.groups, ledger.group_payments FROM cartera_app;
GRANT SELECT ON ledger.groups, ledger.group_payments TO cartera_app;
GRANT INSERT (group_no, id, kind, currency, opened_on, rule, members, content)
    ON ledger.groups TO cartera_app;
GRANT INSERT (id, group_no, number, effective_on, amount, split)
    ON ledger.group_payments TO cartera_app;
GRANT UPDATE (posted_at) ON ledger.group_payments TO cartera_app;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.groups
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only
    BEFORE UPDATE OF id, group_no, number, effective_on, amount, split, recorded_at
        OR DELETE OR TRUNCATE ON ledger.group_payments
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.groups ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.group_payments ENABLE ALWAYS TRIGGER append_only;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
