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

-- Everything that posting rules are applied to, wherever it comes from. A deposit that no loan could
-- take is posted as a late event is, by when it was received; once settled it is taken back.
SET ROLE cartera_app;
CREATE VIEW read.accounting_amounts AS
SELECT 'event' AS source, facts.posted_on, facts.effective_on, groups.currency, groups.branch,
       groups.product, facts.stage, facts.kind, facts.component, facts.added, facts.taken
FROM read.accounting_facts AS facts
JOIN read.accounting_groups AS groups ON groups.group_no = facts.group_no
UNION ALL
SELECT 'posting', posted_on, posted_on, currency, branch, product, stage, kind, component,
       greatest(amount, 0), greatest(-amount, 0)
FROM ledger.postings
UNION ALL
SELECT 'deposit', greatest(moved.on_day, opened.open_from), moved.on_day, waiting.currency, '', '',
       1::smallint, 'deposit', 'unidentified', moved.added, moved.taken
FROM ledger.suspense AS waiting
CROSS JOIN LATERAL (
    VALUES (waiting.paid_on, waiting.amount, 0::bigint, waiting.received_at),
           ((waiting.settled_at AT TIME ZONE 'UTC')::date, 0::bigint, waiting.amount,
            waiting.settled_at)
) AS moved (on_day, added, taken, known_at)
CROSS JOIN LATERAL (
    SELECT (max(month) + interval '1 month')::date AS open_from
    FROM ledger.periods WHERE recorded_at < moved.known_at
) AS opened
WHERE waiting.amount IS NOT NULL AND waiting.currency IS NOT NULL AND moved.on_day IS NOT NULL;
RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
