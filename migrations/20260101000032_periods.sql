-- migrate:up

-- Months that are closed, one after the other, never opened again. The position is drawn as an
-- event's is: what stands after it in the log is posted to the first day that is still open, and a
-- rebuild posts it there again.
CREATE TABLE ledger.periods (
    month        date         PRIMARY KEY CHECK (extract(day FROM month) = 1),
    position     bigint       NOT NULL DEFAULT nextval('ledger.position') UNIQUE,
    actor        text         NOT NULL CHECK (actor <> ''),
    channel      text         NOT NULL CHECK (channel <> ''),
    recorded_at  timestamptz  NOT NULL DEFAULT transaction_timestamp()
);

-- Amounts that come from no loan's event, such as the movement of the loss allowance, by the same
-- measures as those that do. `key` names the batch: it is posted once.
CREATE TABLE ledger.postings (
    key          text         NOT NULL CHECK (key <> ''),
    line         integer      NOT NULL CHECK (line > 0),
    posted_on    date         NOT NULL,
    currency     text         NOT NULL,
    branch       text         NOT NULL,
    product      text         NOT NULL,
    stage        smallint     NOT NULL,
    kind         text         NOT NULL,
    component    text         NOT NULL,
    amount       bigint       NOT NULL,
    reason       text         NOT NULL,
    actor        text         NOT NULL CHECK (actor <> ''),
    channel      text         NOT NULL CHECK (channel <> ''),
    recorded_at  timestamptz  NOT NULL DEFAULT transaction_timestamp(),
    PRIMARY KEY (key, line)
);

REVOKE ALL ON ledger.periods, ledger.postings FROM cartera_app;
GRANT SELECT ON ledger.periods, ledger.postings TO cartera_app;
GRANT INSERT (month, actor, channel) ON ledger.periods TO cartera_app;
GRANT INSERT (key, line, posted_on, currency, branch, product, stage, kind, component, amount,
              reason, actor, channel)
    ON ledger.postings TO cartera_app;

CREATE TRIGGER a_position_is_drawn_under_the_lock BEFORE INSERT ON ledger.periods
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.hold_writers_lock();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.periods
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.postings
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.periods ENABLE ALWAYS TRIGGER a_position_is_drawn_under_the_lock;
ALTER TABLE ledger.periods ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.postings ENABLE ALWAYS TRIGGER append_only;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
