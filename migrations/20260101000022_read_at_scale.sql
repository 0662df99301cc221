-- migrate:up

SET ROLE cartera_app;

-- What a plain accrual means for the books stands in its event: it is read from there instead of
-- being kept a second time. A day's close of a whole book then writes no journal rows but totals.
-- `read.journal_entries` keeps the other entries; `read.journal` has all of them. Plain is interest
-- above zero with a tax of zero or more, as in projections/journal/entries.py. An event that the
-- journal has not counted yet has no entry yet.
DROP VIEW read.journal_lines;

DELETE FROM read.journal_entries
WHERE event IN ('interest-accrued', 'late-interest-accrued') AND amounts[1] > 0
  AND accounts IN ('{3,14}', '{3,6,9,14}', '{4,15}', '{4,7,9,15}');

CREATE VIEW read.accrual_entries AS
SELECT event.loan_id, event.position, 1::smallint AS part, event.effective_on, event.recorded_at,
       event.type AS event, loans.currency,
       CASE WHEN event.type = 'interest-accrued'
            THEN CASE WHEN ran.tax > 0 THEN '{3,6,9,14}'::smallint[] ELSE '{3,14}' END
            ELSE CASE WHEN ran.tax > 0 THEN '{4,7,9,15}'::smallint[] ELSE '{4,15}' END
       END AS accounts,
       CASE WHEN ran.tax > 0 THEN ARRAY[ran.interest, ran.tax, -ran.tax, -ran.interest]
            ELSE ARRAY[ran.interest, -ran.interest] END AS amounts
FROM ledger.events AS event
CROSS JOIN LATERAL (
    SELECT CASE WHEN event.type = 'interest-accrued' THEN (event.state ->> 'interest')::bigint
                ELSE (SELECT sum((line ->> 'interest')::bigint)::bigint
                      FROM json_array_elements(event.state -> 'lines') AS line) END AS interest,
           CASE WHEN event.type = 'interest-accrued'
                THEN coalesce((event.state ->> 'tax')::bigint, 0)
                ELSE (SELECT coalesce(sum((line ->> 'tax')::bigint), 0)::bigint
                      FROM json_array_elements(event.state -> 'lines') AS line) END AS tax
    OFFSET 0  -- worked out once a row
) AS ran
JOIN read.journal_loans AS loans ON loans.loan_id = event.loan_id
WHERE event.type IN ('interest-accrued', 'late-interest-accrued')
  AND ran.interest > 0 AND ran.tax >= 0
  AND event.position <= (SELECT position FROM read.positions WHERE projection = 'journal');

CREATE VIEW read.journal AS
SELECT loan_id, position, part, effective_on, recorded_at, event, currency, accounts, amounts
FROM read.journal_entries
UNION ALL
SELECT * FROM read.accrual_entries;

CREATE VIEW read.journal_lines AS
SELECT entry.loan_id, entry.position, entry.part, side.line, entry.effective_on, entry.recorded_at,
       entry.event, entry.currency, side.account, accounts.code, accounts.name,
       greatest(side.amount, 0) AS debit, greatest(-side.amount, 0) AS credit
FROM read.journal AS entry
CROSS JOIN LATERAL unnest(entry.accounts, entry.amounts)
    WITH ORDINALITY AS side (account, amount, line)
JOIN read.accounts ON accounts.account = side.account;

-- Its two ends tell whether a book has one currency, as most have.
CREATE INDEX ON read.journal_loans (currency);

-- Every running loan's row is rewritten each day: with half of each page free the new version
-- stays in its page, and no index is touched.
ALTER TABLE read.balances SET (fillfactor = 45);

RESET ROLE;

-- migrate:down
