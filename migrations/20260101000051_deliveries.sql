-- migrate:up

-- Documents on their way to borrowers. The row says what is to be done next; what happened is in the
-- facts below. `document` names it ("statement 2026-05", "receipt 3"), `nth` counts how often it was
-- ordered by the same means. `sending`: a try has begun; if nobody is at it any more, it is unknown
-- whether it was taken.
CREATE TABLE ledger.deliveries (
    loan_id     uuid        NOT NULL,
    delivery_id uuid        NOT NULL,
    loan_no     text        NOT NULL,
    document    text        NOT NULL CHECK (document <> ''),
    means       text        NOT NULL CHECK (means IN ('email', 'sms', 'whatsapp')),
    nth         smallint    NOT NULL CHECK (nth > 0),
    order_key   text,
    actor       text        NOT NULL CHECK (actor <> ''),
    state       text        NOT NULL CHECK (state IN ('waiting', 'sending', 'sent', 'refused')),
    version     integer     NOT NULL,
    attempts    integer     NOT NULL DEFAULT 0,
    reason      text        NOT NULL DEFAULT '',
    ordered_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    next_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    PRIMARY KEY (loan_id, delivery_id)
);
CREATE UNIQUE INDEX deliveries_once ON ledger.deliveries (loan_id, document, means, nth);
CREATE UNIQUE INDEX deliveries_by_key ON ledger.deliveries (loan_id, order_key);
CREATE INDEX deliveries_due ON ledger.deliveries (next_at) WHERE state IN ('waiting', 'sending');
CREATE INDEX deliveries_latest ON ledger.deliveries (delivery_id);

-- Each sending is a fact. `sealed` is the address it went to, encrypted under the borrower's own key:
-- gone when he is forgotten. `chain` is SHA-256 over the chain of the version before and all of the row.
CREATE TABLE ledger.delivery_events (
    loan_id     uuid        NOT NULL,
    delivery_id uuid        NOT NULL,
    version     integer     NOT NULL CHECK (version > 0),
    type        text        NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    body        bytea       NOT NULL,
    sealed      bytea       NOT NULL DEFAULT '',
    chain       bytea       NOT NULL CHECK (octet_length(chain) = 32),
    PRIMARY KEY (loan_id, delivery_id, version)
);

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.delivery_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.delivery_events ENABLE ALWAYS TRIGGER append_only;

REVOKE ALL ON ledger.deliveries, ledger.delivery_events FROM cartera_app;
GRANT SELECT ON ledger.deliveries, ledger.delivery_events TO cartera_app;
GRANT INSERT ON ledger.deliveries TO cartera_app;
GRANT UPDATE (state, version, attempts, reason, next_at, ended_at) ON ledger.deliveries
    TO cartera_app;
GRANT INSERT (loan_id, delivery_id, version, type, body, sealed, chain) ON ledger.delivery_events
    TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
