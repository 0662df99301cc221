-- migrate:up

-- The business date a deposit was settled on: books go by the lender's days, not by those of UTC.
ALTER TABLE ledger.suspense ADD COLUMN settled_on date;
UPDATE ledger.suspense SET settled_on = (settled_at AT TIME ZONE 'UTC')::date
WHERE settled_at IS NOT NULL;

-- A deposit that was brought to a loan is taken back from the day it came in, as the payment is then
-- booked on that day: the bank has it once on every date. One given back leaves when it went.
SET ROLE cartera_app;
CREATE OR REPLACE VIEW read.accounting_amounts AS
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
           (CASE WHEN waiting.settled_as = 'assigned' THEN waiting.paid_on
                 ELSE waiting.settled_on END,
            0::bigint, waiting.amount, waiting.settled_at)
) AS moved (on_day, added, taken, known_at)
CROSS JOIN LATERAL (
    SELECT (max(month) + interval '1 month')::date AS open_from
    FROM ledger.periods WHERE recorded_at < moved.known_at
) AS opened
WHERE waiting.amount IS NOT NULL AND waiting.currency IS NOT NULL AND moved.on_day IS NOT NULL
  AND moved.known_at IS NOT NULL;
RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
