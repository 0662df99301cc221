-- migrate:up

-- Read models of tranches, schedules planned anew, restructurings, rate changes, chargebacks, sales
-- and pauses. Every column starts as what a replay of the events known so far gives, so nothing
-- needs to be rebuilt. projections/ fills them from then on.
SET ROLE cartera_app;

-- `terms` to `method` are those agreed last; `annual_rate` is the last one fixed, not a pause's.
-- `instalments`, `first_due_on` and `maturity_on` are the schedule's once there is one. Days within
-- `pauses` count as none past due: read.days_past_due() tells them. `restructures` counts new
-- terms for the whole debt, not new dates.
ALTER TABLE read.loans
    ADD COLUMN suspended        boolean         NOT NULL DEFAULT false,
    ADD COLUMN pauses           datemultirange  NOT NULL DEFAULT '{}',
    ADD COLUMN restructures     integer         NOT NULL DEFAULT 0,
    ADD COLUMN restructured_on  date,
    ADD COLUMN sold_on          date,
    ADD COLUMN holder           text;
CREATE INDEX ON read.loans (loan_id) WHERE NOT isempty(pauses);
UPDATE read.loans SET instalments = seen.instalments
FROM (SELECT loan_id, count(*) AS instalments FROM read.schedule GROUP BY loan_id) AS seen
WHERE loans.loan_id = seen.loan_id AND loans.instalments <> seen.instalments;

-- `planned_*` is the row as it was planned last, net of what was forgiven before; the amounts are
-- not. What is not yet due shows as interest `planned_interest` + `brought_interest`: what falls
-- due besides the plan, because a restructuring kept it or because it was forgiven before.
-- `sold` is a total over components, like `written_off`; neither is owed any more.
ALTER TABLE read.schedule
    ADD COLUMN planned_fee       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN planned_fee_tax   bigint  NOT NULL DEFAULT 0,
    ADD COLUMN brought_interest  bigint  NOT NULL DEFAULT 0,
    ADD COLUMN brought_tax       bigint  NOT NULL DEFAULT 0,
    ADD COLUMN sold              bigint  NOT NULL DEFAULT 0;

-- A payment that cleared nothing when it came has a portion of nothing on instalment 0: its date is
-- asked for when it clears something later.
INSERT INTO read.portions
SELECT loan_id, position, 1, kind, number, 0, effective_on, 0, 0, 0, 0, 0, 0, 0
FROM read.transactions AS moved
WHERE kind = 'payment' AND amount = overpaid
  AND position <= (SELECT position FROM read.positions WHERE projection = 'loans')
  AND NOT EXISTS (SELECT FROM read.portions AS known
                  WHERE known.loan_id = moved.loan_id AND known.position = moved.position);

-- Of a loan written off and then recovered in full, the interest of instalments never due is what
-- was paid, forgiven or written off of it.
UPDATE read.schedule AS line
SET interest = line.interest + gone.interest, interest_tax = line.interest_tax + gone.interest_tax
FROM read.loans, (
    SELECT loan_id, instalment, sum(interest) AS interest, sum(interest_tax) AS interest_tax
    FROM read.portions WHERE kind = 'write_off' GROUP BY loan_id, instalment
) AS gone
WHERE loans.loan_id = line.loan_id AND loans.status = 'closed' AND NOT line.due
  AND (gone.loan_id, gone.instalment) = (line.loan_id, line.instalment);

-- `capitalised`: other components became principal. `charged_back`: owed again as principal, while
-- the payment stays what it was.
ALTER TABLE read.balances
    ADD COLUMN capitalised   bigint  NOT NULL DEFAULT 0,
    ADD COLUMN charged_back  bigint  NOT NULL DEFAULT 0,
    ADD COLUMN sold          bigint  NOT NULL DEFAULT 0,
    ADD COLUMN sold_total    bigint  NOT NULL DEFAULT 0,
    DROP CONSTRAINT balances_check,
    ADD CONSTRAINT balances_check CHECK (
        disbursed + capitalised + charged_back = repaid + forgiven + written_off + sold + principal
    );

-- `source` is the kind of a payment: payment, goodwill_credit, merchant_refund, ... The amount of a
-- sale is its price.
ALTER TABLE read.transactions
    ADD COLUMN source text NOT NULL DEFAULT '',
    DROP CONSTRAINT transactions_kind_check,
    ADD CONSTRAINT transactions_kind_check CHECK (kind IN (
        'disbursement', 'taken_on', 'fee', 'waiver', 'payment', 'reversal', 'charge_correction',
        'payment_correction', 'application', 'refund', 'chargeback', 'capitalisation',
        'forgiveness', 'write_off', 'sale', 'recovery'));
UPDATE read.transactions SET source = 'payment' WHERE kind IN ('payment', 'reversal');

-- What a payment was for: cleared, kept for the borrower, given back (`refunded`). `charged_back` is
-- all that the payer took back of it: of what was kept first, then of what it had cleared.
ALTER TABLE read.payments
    ADD COLUMN source        text    NOT NULL DEFAULT 'payment',
    ADD COLUMN refunded      bigint  NOT NULL DEFAULT 0,
    ADD COLUMN charged_back  bigint  NOT NULL DEFAULT 0,
    DROP CONSTRAINT payments_check,
    ADD CONSTRAINT payments_check CHECK (
        reversed_on IS NOT NULL
        OR amount = fee_tax + fee + late_interest_tax + late_interest + interest_tax + interest
                    + principal + overpaid + refunded);

INSERT INTO read.accounts (account, code, name, kind, component) VALUES
    (20, '2320', 'Deferred interest income', 'liability', NULL),
    (21, '5030', 'Goodwill credits', 'expense', NULL),
    (22, '5040', 'Result of loans sold', 'expense', NULL);

-- A correction may charge and move every component on one date.
ALTER TABLE read.journal_entries
    DROP CONSTRAINT journal_entries_amounts_check,
    DROP CONSTRAINT journal_entries_amounts_check1,
    ADD CONSTRAINT journal_entries_amounts_check CHECK (cardinality(amounts) BETWEEN 2 AND 14),
    ADD CONSTRAINT journal_entries_amounts_check1 CHECK (
        coalesce(amounts[1], 0) + coalesce(amounts[2], 0) + coalesce(amounts[3], 0)
      + coalesce(amounts[4], 0) + coalesce(amounts[5], 0) + coalesce(amounts[6], 0)
      + coalesce(amounts[7], 0) + coalesce(amounts[8], 0) + coalesce(amounts[9], 0)
      + coalesce(amounts[10], 0) + coalesce(amounts[11], 0) + coalesce(amounts[12], 0)
      + coalesce(amounts[13], 0) + coalesce(amounts[14], 0) = 0);

-- How many days from one date up to another lie in a pause. COST 1: an argument that seems dear
-- keeps the planner from inlining what it is given to (half the time of read.aging_at).
CREATE FUNCTION read.paused_days(pauses datemultirange, since date, until date) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1 AS $$
    SELECT coalesce(sum(upper(part) - lower(part)), 0)::integer
    FROM unnest(pauses * datemultirange(daterange(since, until))) AS part
$$;

-- Days past due on a date of a loan whose oldest unpaid due date is `due_on`. The planner inlines
-- it, so that a loan without a pause (most of them) costs no call.
CREATE FUNCTION read.days_past_due(on_date date, due_on date, pauses datemultirange)
RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1 AS $$
    SELECT CASE WHEN due_on IS NULL OR due_on >= on_date THEN 0
                WHEN isempty(pauses) THEN on_date - due_on
                ELSE on_date - due_on - read.paused_days(pauses, due_on, on_date) END
$$;

-- As before, but days in a pause do not count, and what is paid or forgiven of an instalment that no
-- close has marked due yet makes nobody late. `late_since` is the date whose distance is the days
-- past due: lists are ordered by it.
DROP FUNCTION read.aging_at(date);
CREATE FUNCTION read.aging_at(on_date date)
RETURNS TABLE (loan_id uuid, oldest_unpaid_due_on date, days_past_due integer, bucket text,
               late_since date)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT aged.loan_id, aged.due_on, aged.days, read.bucket(aged.days),
           CASE WHEN aged.due_on IS NOT NULL THEN on_date - aged.days END
    FROM (
        SELECT loans.loan_id, late.due_on,
               read.days_past_due(on_date, late.due_on, loans.pauses) AS days
        FROM read.loans
        LEFT JOIN (
            SELECT schedule.loan_id, min(schedule.due_on) AS due_on
            FROM read.schedule
            WHERE schedule.due_on <= on_date
              AND (schedule.settled_on IS NULL OR schedule.settled_on > on_date)
              AND (schedule.due
                   OR schedule.fee_tax - schedule.paid_fee_tax - schedule.forgiven_fee_tax
                    + schedule.fee - schedule.paid_fee - schedule.forgiven_fee
                    + schedule.late_interest_tax - schedule.paid_late_interest_tax
                    - schedule.forgiven_late_interest_tax
                    + schedule.late_interest - schedule.paid_late_interest
                    - schedule.forgiven_late_interest
                    + schedule.interest_tax - schedule.paid_interest_tax
                    - schedule.forgiven_interest_tax
                    + schedule.interest - schedule.paid_interest - schedule.forgiven_interest
                    + schedule.principal - schedule.paid_principal - schedule.forgiven_principal
                    > 0)
            GROUP BY schedule.loan_id
        ) AS late ON late.loan_id = loans.loan_id
        WHERE loans.booked_on <= on_date
          AND (loans.closed_on IS NULL OR loans.closed_on > on_date)
          AND (loans.written_off_on IS NULL OR loans.written_off_on > on_date)
    ) AS aged
$$;

RESET ROLE;

-- migrate:down
