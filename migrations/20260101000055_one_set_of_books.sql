-- migrate:up

SET ROLE cartera_app;

-- One set of books. The neutral journal was kept beside what the accounting reads; now it is told
-- from the same rows: entries from movements and accruals, totals from `read.accounting_facts`.
-- Its views keep their names and columns.
DROP VIEW read.journal_lines, read.journal, read.accrual_entries;
DROP TABLE read.journal_entries, read.journal_loans, read.journal_totals;
DELETE FROM read.positions WHERE projection = 'journal';

-- Which neutral accounts (`read.accounts`) a fact debits and credits with its amount, the other way
-- round where that is negative. Interest kept off the company's accounts is told as any other.
CREATE TABLE read.journal_rules (
    kind       text      NOT NULL,
    component  text      NOT NULL,
    debit      smallint  NOT NULL REFERENCES read.accounts,
    credit     smallint  NOT NULL REFERENCES read.accounts,
    PRIMARY KEY (kind, component, debit, credit)
);

INSERT INTO read.journal_rules (kind, component, debit, credit) VALUES
    ('disbursement', 'paid_out', 2, 1),
    ('disbursement', 'withheld_fee', 2, 12),
    ('disbursement', 'withheld_interest', 2, 20),
    ('disbursement', 'withheld_tax', 2, 10),
    ('refund', 'overpaid', 11, 1),
    ('chargeback', 'principal', 2, 1),
    ('chargeback', 'overpaid', 1, 11),
    ('sale', 'price', 1, 22),
    ('charge_correction', 'principal', 2, 14);

-- Where each component is carried, and what charging it earns; tax waits until it is collected.
WITH debts (component, carried, earned) AS (
    VALUES ('principal', 2, NULL), ('interest', 3, 14), ('late_interest', 4, 15), ('fee', 5, 16),
           ('interest_tax', 6, NULL), ('late_interest_tax', 7, NULL), ('fee_tax', 8, NULL)
), debt AS (
    SELECT *, component LIKE '%_tax' AS taxed FROM debts
)
INSERT INTO read.journal_rules (kind, component, debit, credit)
-- charged: income, or tax that is not collected yet
SELECT kind, component, carried, coalesce(earned, 9)
FROM debt
JOIN (VALUES ('interest', 'interest%'), ('late_interest', 'late_interest%'), ('fee', 'fee%'),
             ('charge_correction', '%')) AS charged (kind, pattern) ON component LIKE pattern
WHERE component <> 'principal'
UNION ALL
SELECT 'taken_on', component, carried, CASE WHEN taxed THEN 9 ELSE 13 END FROM debt
UNION ALL
-- became principal
SELECT 'capitalisation', component, 2, carried FROM debt WHERE component <> 'principal'
UNION ALL
-- cleared by money, by what was kept for the borrower, by a gift, or lost
SELECT kind, component, account, carried
FROM debt
CROSS JOIN (VALUES ('payment', 1), ('reversal', 1), ('payment_correction', 1), ('application', 11),
                   ('goodwill', 21), ('goodwill_reversal', 21)) AS cleared (kind, account)
UNION ALL
SELECT kind, 'overpaid', account, 11
FROM (VALUES ('payment', 1), ('reversal', 1), ('payment_correction', 1), ('goodwill', 21),
             ('goodwill_reversal', 21)) AS kept (kind, account)
UNION ALL
SELECT kind, component, 9, 10
FROM debt
CROSS JOIN unnest(ARRAY['payment', 'reversal', 'payment_correction', 'application', 'goodwill',
                        'goodwill_reversal', 'capitalisation']) AS collected (kind)
WHERE taxed
UNION ALL
SELECT kind, component, CASE WHEN taxed THEN 9 ELSE account END, carried
FROM debt
CROSS JOIN (VALUES ('waiver', 19), ('waiver_undone', 19), ('forgiveness', 19), ('write_off', 18),
                   ('sale', 22)) AS lost (kind, account)
UNION ALL
-- off the books: what comes in of it is income, its tax is due
SELECT 'recovery', component, 1, CASE WHEN taxed THEN 10 ELSE 17 END FROM debt;

-- Pages of the journal go by position.
CREATE INDEX ON read.transactions (position);

-- What accruals mean. Plain ones, nearly all there are, take no look at the rules.
CREATE VIEW read.accrual_entries AS
SELECT event.loan_id, event.position, 1::smallint AS part, event.effective_on, event.recorded_at,
       event.type AS event, groups.currency, meant.accounts, meant.amounts
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
CROSS JOIN LATERAL (
    SELECT CASE WHEN ran.interest <= 0 OR ran.tax < 0 THEN seldom.accounts
                WHEN event.type = 'interest-accrued'
                THEN CASE WHEN ran.tax > 0 THEN '{3,6,9,14}'::smallint[] ELSE '{3,14}' END
                ELSE CASE WHEN ran.tax > 0 THEN '{4,7,9,15}'::smallint[] ELSE '{4,15}' END
           END AS accounts,
           CASE WHEN ran.interest <= 0 OR ran.tax < 0 THEN seldom.amounts
                WHEN ran.tax > 0 THEN ARRAY[ran.interest, ran.tax, -ran.tax, -ran.interest]
                ELSE ARRAY[ran.interest, -ran.interest] END AS amounts
    FROM (
        SELECT array_agg(account ORDER BY amount < 0, account) AS accounts,
               array_agg(amount ORDER BY amount < 0, account) AS amounts
        FROM (VALUES (3::smallint, 'interest-accrued', ran.interest),
                     (14::smallint, 'interest-accrued', -ran.interest),
                     (6::smallint, 'interest-accrued', ran.tax),
                     (4::smallint, 'late-interest-accrued', ran.interest),
                     (15::smallint, 'late-interest-accrued', -ran.interest),
                     (7::smallint, 'late-interest-accrued', ran.tax),
                     (9::smallint, event.type, -ran.tax)) AS side (account, of_type, amount)
        WHERE of_type = event.type AND amount <> 0 AND (ran.interest <= 0 OR ran.tax < 0)
    ) AS seldom
) AS meant
JOIN read.accounting_loans AS loans ON loans.loan_id = event.loan_id
JOIN read.accounting_groups AS groups ON groups.group_no = loans.group_no
WHERE event.type IN ('interest-accrued', 'late-interest-accrued')
  AND (ran.interest <> 0 OR ran.tax <> 0)
  AND event.position <= (SELECT position FROM read.positions WHERE projection = 'accounting');

-- What movements mean: an entry for each event and value date, its lines netted by account, debits
-- first. `part` stands apart, so that a page starts at its position in the index. A disbursement's
-- event says what was withheld.
CREATE VIEW read.journal_entries AS
SELECT moved.loan_id, moved.position,
       (SELECT count(DISTINCT one.effective_on) FROM read.transactions AS one
        WHERE one.loan_id = moved.loan_id AND one.position = moved.position
          AND one.effective_on <= moved.effective_on)::smallint AS part,
       moved.effective_on, moved.recorded_at, event.type AS event, groups.currency,
       told.accounts, told.amounts
FROM read.transactions AS moved
JOIN ledger.events AS event ON event.position = moved.position
JOIN read.accounting_loans AS loans ON loans.loan_id = moved.loan_id
JOIN read.accounting_groups AS groups ON groups.group_no = loans.group_no
CROSS JOIN LATERAL (
    SELECT array_agg(account ORDER BY amount < 0, account) AS accounts,
           array_agg(amount ORDER BY amount < 0, account) AS amounts
    FROM (
        SELECT side.account, sum(side.amount)::bigint AS amount
        FROM (
            SELECT CASE WHEN turned THEN CASE line.kind WHEN 'chargeback' THEN 'reversal'
                                                        ELSE line.kind END
                        WHEN line.source <> 'goodwill_credit' THEN line.kind
                        WHEN line.kind = 'payment' THEN 'goodwill'
                        WHEN line.kind = 'reversal' THEN 'goodwill_reversal'
                        ELSE line.kind END AS kind,
                   part.component, CASE WHEN turned THEN -part.amount ELSE part.amount END AS amount
            FROM read.transactions AS line
            CROSS JOIN LATERAL (
                VALUES ('fee_tax', line.fee_tax), ('fee', line.fee),
                       ('late_interest_tax', line.late_interest_tax),
                       ('late_interest', line.late_interest),
                       ('interest_tax', line.interest_tax), ('interest', line.interest),
                       ('principal', line.principal), ('overpaid', line.overpaid),
                       ('price', line.amount)
            ) AS part (component, amount)
            CROSS JOIN LATERAL (
                SELECT line.kind IN ('capitalisation', 'refund')
                       OR (line.kind = 'chargeback'
                           AND part.component NOT IN ('principal', 'overpaid')) AS turned
            ) AS way
            WHERE line.loan_id = moved.loan_id AND line.position = moved.position
              AND line.effective_on = moved.effective_on AND part.amount <> 0
            UNION ALL
            SELECT 'disbursement', component, amount
            FROM (
                SELECT coalesce((event.state ->> 'withheld_fees')::bigint, 0) AS fees,
                       coalesce((event.state ->> 'withheld_interest')::bigint, 0) AS interest,
                       coalesce((event.state ->> 'withheld_fees_tax')::bigint, 0)
                       + coalesce((event.state ->> 'withheld_interest_tax')::bigint, 0) AS tax
            ) AS withheld
            CROSS JOIN LATERAL (
                VALUES ('paid_out', moved.principal - fees - interest - tax),
                       ('withheld_fee', fees), ('withheld_interest', interest),
                       ('withheld_tax', tax)
            ) AS part (component, amount)
            WHERE event.type = 'loan-disbursed' AND amount <> 0
        ) AS fact
        JOIN read.journal_rules AS rule USING (kind, component)
        CROSS JOIN LATERAL (VALUES (rule.debit, fact.amount), (rule.credit, -fact.amount))
            AS side (account, amount)
        GROUP BY side.account HAVING sum(side.amount) <> 0
    ) AS line
) AS told
WHERE told.accounts IS NOT NULL
  AND NOT EXISTS (
      SELECT FROM read.transactions AS one
      WHERE one.loan_id = moved.loan_id AND one.position = moved.position
        AND one.effective_on = moved.effective_on AND one.line < moved.line);

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

-- Debits and credits by value date, as the company's accounts have them: what goes each way stands
-- apart.
CREATE VIEW read.journal_totals AS
SELECT groups.currency, facts.effective_on, side.account,
       sum(side.debit)::bigint AS debit, sum(side.credit)::bigint AS credit
FROM read.accounting_facts AS facts
JOIN read.accounting_groups AS groups ON groups.group_no = facts.group_no
JOIN read.journal_rules AS rule
  ON rule.kind = facts.kind AND rule.component = replace(facts.component, 'suspended_', '')
CROSS JOIN LATERAL (VALUES (rule.debit, facts.added, facts.taken),
                           (rule.credit, facts.taken, facts.added))
    AS side (account, debit, credit)
GROUP BY 1, 2, 3;

RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: the tables are made again from the log'; END $$;
