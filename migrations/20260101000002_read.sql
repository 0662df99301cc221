-- migrate:up

-- Everything that is derived from the log. Nothing here is kept by hand: `cartera rebuild` makes all
-- of it again in `read_shadow` and swaps the tables in. Amounts are minor units of the loan's
-- currency; tables lead with the loan so that they distribute with the events.
CREATE SCHEMA read AUTHORIZATION cartera_app;
CREATE SCHEMA read_shadow AUTHORIZATION cartera_app;
SET ROLE cartera_app;

-- How far each projection has read. Written in the transaction that writes its rows.
CREATE TABLE read.positions (
    projection  text    PRIMARY KEY,
    position    bigint  NOT NULL CHECK (position >= 0),
    status      text    NOT NULL CHECK (status IN ('running', 'stopped')),
    error       text,
    CHECK ((status = 'stopped') = (error IS NOT NULL))
);

-- Header of each loan and what lists filter and sort by (projection: loans).
-- `booked_on` is the first day on our books: disbursed here, or taken on from another system.
-- `overdue` is unpaid principal, interest and its tax of instalments already marked due.
-- `oldest_unpaid_due_on` may lie in the future: days past due on D = max(0, D - it).
CREATE TABLE read.loans (
    loan_id               uuid      PRIMARY KEY,
    loan_no               text      NOT NULL,
    borrower              text      NOT NULL,
    guarantors            text[]    NOT NULL,
    product               text      NOT NULL,
    branch                text      NOT NULL,
    officer               text      NOT NULL,
    currency              text      NOT NULL,
    status                text      NOT NULL
                          CHECK (status IN ('opened', 'active', 'closed', 'written_off')),
    stage                 smallint  NOT NULL,
    terms                 jsonb     NOT NULL,
    approved              bigint    NOT NULL,
    annual_rate           bigint    NOT NULL,
    instalments           integer   NOT NULL,
    frequency             text      NOT NULL,
    method                text      NOT NULL,
    opened_on             date      NOT NULL,
    disbursed_on          date,
    booked_on             date,
    first_due_on          date,
    maturity_on           date,
    closed_on             date,
    closed_reason         text,
    written_off_on        date,
    disbursed             bigint    NOT NULL,
    principal             bigint    NOT NULL,
    overdue               bigint    NOT NULL,
    oldest_unpaid_due_on  date,
    next_due_on           date
) WITH (fillfactor = 85);
CREATE INDEX ON read.loans (loan_no, loan_id);
CREATE INDEX ON read.loans (status, loan_id);
CREATE INDEX ON read.loans (branch, loan_id);
CREATE INDEX ON read.loans (officer, loan_id);
CREATE INDEX ON read.loans (product, loan_id);
CREATE INDEX ON read.loans (disbursed_on, loan_id);
CREATE INDEX ON read.loans (principal, loan_id);
CREATE INDEX ON read.loans (oldest_unpaid_due_on, loan_id);

-- Counters over read.loans, so that totals need no count(*) (projection: loans).
CREATE TABLE read.portfolio_totals (
    currency       text    NOT NULL,
    status         text    NOT NULL,
    product        text    NOT NULL,
    branch         text    NOT NULL,
    loans          bigint  NOT NULL,
    disbursed      bigint  NOT NULL,
    principal      bigint  NOT NULL,
    overdue_loans  bigint  NOT NULL,
    overdue        bigint  NOT NULL,
    PRIMARY KEY (currency, status, product, branch)
);

-- One row per instalment with what was paid (projection: loans).
-- `interest` and `interest_tax` are planned until the instalment is due, then final; once the loan
-- is closed those never due are what was paid of them. `forgiven_*` holds waived fees too;
-- `written_off` is a total over components. Still owed = charged - paid - forgiven - written off.
CREATE TABLE read.schedule (
    loan_id                     uuid     NOT NULL,
    instalment                  integer  NOT NULL,
    start_on                    date     NOT NULL,
    due_on                      date     NOT NULL,
    due                         boolean  NOT NULL DEFAULT false,
    planned_interest            bigint   NOT NULL DEFAULT 0,
    planned_tax                 bigint   NOT NULL DEFAULT 0,
    fee_tax                     bigint   NOT NULL DEFAULT 0,
    fee                         bigint   NOT NULL DEFAULT 0,
    late_interest_tax           bigint   NOT NULL DEFAULT 0,
    late_interest               bigint   NOT NULL DEFAULT 0,
    interest_tax                bigint   NOT NULL DEFAULT 0,
    interest                    bigint   NOT NULL DEFAULT 0,
    principal                   bigint   NOT NULL DEFAULT 0,
    paid_fee_tax                bigint   NOT NULL DEFAULT 0,
    paid_fee                    bigint   NOT NULL DEFAULT 0,
    paid_late_interest_tax      bigint   NOT NULL DEFAULT 0,
    paid_late_interest          bigint   NOT NULL DEFAULT 0,
    paid_interest_tax           bigint   NOT NULL DEFAULT 0,
    paid_interest               bigint   NOT NULL DEFAULT 0,
    paid_principal              bigint   NOT NULL DEFAULT 0,
    forgiven_fee_tax            bigint   NOT NULL DEFAULT 0,
    forgiven_fee                bigint   NOT NULL DEFAULT 0,
    forgiven_late_interest_tax  bigint   NOT NULL DEFAULT 0,
    forgiven_late_interest      bigint   NOT NULL DEFAULT 0,
    forgiven_interest_tax       bigint   NOT NULL DEFAULT 0,
    forgiven_interest           bigint   NOT NULL DEFAULT 0,
    forgiven_principal          bigint   NOT NULL DEFAULT 0,
    written_off                 bigint   NOT NULL DEFAULT 0,
    settled_on                  date,
    paid_on                     date,
    paid_late                   bigint   NOT NULL DEFAULT 0,
    paid_in_advance             bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (loan_id, instalment)
) WITH (fillfactor = 85);
CREATE INDEX ON read.schedule (settled_on, due_on) INCLUDE (loan_id);

-- What each loan owes by component, and where its principal went (projection: balances).
-- Interest may be paid ahead of its accrual, so only principal is held above zero.
-- The CHECK is the ledger's identity; the totals are over all components.
CREATE TABLE read.balances (
    loan_id            uuid     PRIMARY KEY,
    version            integer  NOT NULL,
    position           bigint   NOT NULL,
    accrued_through    date     NOT NULL,
    fee_tax            bigint   NOT NULL,
    fee                bigint   NOT NULL,
    late_interest_tax  bigint   NOT NULL,
    late_interest      bigint   NOT NULL,
    interest_tax       bigint   NOT NULL,
    interest           bigint   NOT NULL,
    principal          bigint   NOT NULL CHECK (principal >= 0),
    disbursed          bigint   NOT NULL,
    repaid             bigint   NOT NULL,
    forgiven           bigint   NOT NULL,
    written_off        bigint   NOT NULL,
    overpaid           bigint   NOT NULL,
    paid_total         bigint   NOT NULL,
    forgiven_total     bigint   NOT NULL,
    written_off_total  bigint   NOT NULL,
    recovered          bigint   NOT NULL,
    CHECK (disbursed = repaid + forgiven + written_off + principal)
) WITH (fillfactor = 70);

-- Every movement on a loan (projection: transactions). Components and amount are in the movement's
-- own sense; `effect` says whether they add to the debt (1), clear it (-1) or lie outside the
-- books (0). A reversal is the payment with a minus. An event may move on several value dates,
-- hence `line`.
CREATE TABLE read.transactions (
    loan_id            uuid         NOT NULL,
    position           bigint       NOT NULL,
    line               smallint     NOT NULL,
    kind               text         NOT NULL CHECK (kind IN (
        'disbursement', 'taken_on', 'fee', 'waiver', 'payment', 'reversal', 'charge_correction',
        'payment_correction', 'forgiveness', 'write_off', 'recovery')),
    number             integer,
    effective_on       date         NOT NULL,
    recorded_at        timestamptz  NOT NULL,
    effect             smallint     NOT NULL,
    amount             bigint       NOT NULL,
    fee_tax            bigint       NOT NULL,
    fee                bigint       NOT NULL,
    late_interest_tax  bigint       NOT NULL,
    late_interest      bigint       NOT NULL,
    interest_tax       bigint       NOT NULL,
    interest           bigint       NOT NULL,
    principal          bigint       NOT NULL,
    overpaid           bigint       NOT NULL,
    channel            text         NOT NULL,
    reference          text         NOT NULL,
    reason             text         NOT NULL,
    principal_change   bigint       NOT NULL GENERATED ALWAYS AS (effect * principal) STORED,
    PRIMARY KEY (loan_id, position, line)
);
CREATE INDEX ON read.transactions (loan_id, effective_on, position, line);
CREATE INDEX ON read.transactions (effective_on, loan_id) INCLUDE (principal_change);

-- What each movement cleared on each instalment (projection: loans): positive clears debt, a reversal
-- is negative. `number` is the payment's.
CREATE TABLE read.portions (
    loan_id            uuid      NOT NULL,
    position           bigint    NOT NULL,
    line               smallint  NOT NULL,
    kind               text      NOT NULL,
    number             integer,
    instalment         integer   NOT NULL,
    effective_on       date      NOT NULL,
    fee_tax            bigint    NOT NULL,
    fee                bigint    NOT NULL,
    late_interest_tax  bigint    NOT NULL,
    late_interest      bigint    NOT NULL,
    interest_tax       bigint    NOT NULL,
    interest           bigint    NOT NULL,
    principal          bigint    NOT NULL,
    PRIMARY KEY (loan_id, instalment, position, line)
);
CREATE INDEX ON read.portions (effective_on, loan_id);

-- Each payment as it stands today: what it clears after corrections; nothing once reversed
-- (projection: transactions).
CREATE TABLE read.payments (
    loan_id            uuid         NOT NULL,
    payment            integer      NOT NULL,
    position           bigint       NOT NULL,
    effective_on       date         NOT NULL,
    recorded_at        timestamptz  NOT NULL,
    amount             bigint       NOT NULL,
    fee_tax            bigint       NOT NULL,
    fee                bigint       NOT NULL,
    late_interest_tax  bigint       NOT NULL,
    late_interest      bigint       NOT NULL,
    interest_tax       bigint       NOT NULL,
    interest           bigint       NOT NULL,
    principal          bigint       NOT NULL,
    overpaid           bigint       NOT NULL,
    channel            text         NOT NULL,
    reference          text         NOT NULL,
    reversed_on        date,
    reversal_reason    text,
    PRIMARY KEY (loan_id, payment),
    CHECK (reversed_on IS NOT NULL OR amount = fee_tax + fee + late_interest_tax + late_interest
                                             + interest_tax + interest + principal + overpaid)
);

CREATE TABLE read.promises (
    loan_id       uuid     NOT NULL,
    promise       integer  NOT NULL,
    amount        bigint   NOT NULL,
    made_on       date     NOT NULL,
    promised_for  date     NOT NULL,
    grace_days    integer  NOT NULL,
    status        text     NOT NULL CHECK (status IN ('open', 'kept', 'broken', 'cancelled')),
    received      bigint,
    resolved_on   date,
    reason        text     NOT NULL,
    PRIMARY KEY (loan_id, promise)
);
CREATE INDEX ON read.promises (promised_for, loan_id) WHERE status = 'open';
CREATE INDEX ON read.promises (status, promised_for, loan_id);

-- The minimal chart of accounts; the same as projections/journal/accounts.py, held equal by a test.
-- `component` names the loan balance that the account's total must equal.
CREATE TABLE read.accounts (
    account    smallint  PRIMARY KEY,
    code       text      NOT NULL UNIQUE,
    name       text      NOT NULL,
    kind       text      NOT NULL CHECK (kind IN ('asset', 'liability', 'equity', 'income', 'expense')),
    component  text
);
INSERT INTO read.accounts (account, code, name, kind, component) VALUES
    (1,  '1010', 'Bank', 'asset', NULL),
    (2,  '1310', 'Principal receivable', 'asset', 'principal'),
    (3,  '1320', 'Interest receivable', 'asset', 'interest'),
    (4,  '1330', 'Late interest receivable', 'asset', 'late_interest'),
    (5,  '1340', 'Fees receivable', 'asset', 'fee'),
    (6,  '1351', 'Tax on interest receivable', 'asset', 'interest_tax'),
    (7,  '1352', 'Tax on late interest receivable', 'asset', 'late_interest_tax'),
    (8,  '1353', 'Tax on fees receivable', 'asset', 'fee_tax'),
    (9,  '2110', 'Tax not yet collected', 'liability', NULL),
    (10, '2120', 'Tax collected', 'liability', NULL),
    (11, '2210', 'Overpayments of borrowers', 'liability', 'overpaid'),
    (12, '2310', 'Deferred fee income', 'liability', NULL),
    (13, '3010', 'Opening balances', 'equity', NULL),
    (14, '4010', 'Interest income', 'income', NULL),
    (15, '4020', 'Late interest income', 'income', NULL),
    (16, '4030', 'Fee income', 'income', NULL),
    (17, '4040', 'Recoveries of written-off debt', 'income', NULL),
    (18, '5010', 'Debt written off', 'expense', NULL),
    (19, '5020', 'Debt forgiven', 'expense', NULL);

-- One journal entry per event and value date (projection: journal). A positive amount is a debit of
-- the account at the same place, a negative one a credit; the CHECK makes an unbalanced entry
-- impossible (a sum over subscripts, because a function over unnest costs ten times as much).
-- Read it through read.journal_lines.
CREATE TABLE read.journal_entries (
    loan_id       uuid         NOT NULL,
    position      bigint       NOT NULL,
    part          smallint     NOT NULL,
    effective_on  date         NOT NULL,
    recorded_at   timestamptz  NOT NULL,
    event         text         NOT NULL,
    currency      text         NOT NULL,
    accounts      smallint[]   NOT NULL,
    amounts       bigint[]     NOT NULL,
    PRIMARY KEY (loan_id, position, part),
    CHECK (cardinality(accounts) = cardinality(amounts)),
    CHECK (cardinality(amounts) BETWEEN 2 AND 12),
    CHECK (coalesce(amounts[1], 0) + coalesce(amounts[2], 0) + coalesce(amounts[3], 0)
         + coalesce(amounts[4], 0) + coalesce(amounts[5], 0) + coalesce(amounts[6], 0)
         + coalesce(amounts[7], 0) + coalesce(amounts[8], 0) + coalesce(amounts[9], 0)
         + coalesce(amounts[10], 0) + coalesce(amounts[11], 0) + coalesce(amounts[12], 0) = 0)
);
CREATE INDEX ON read.journal_entries USING brin (position);
CREATE INDEX ON read.journal_entries USING brin (effective_on);

-- The currency of each loan, so that the journal asks no other read model (projection: journal).
CREATE TABLE read.journal_loans (
    loan_id   uuid  PRIMARY KEY,
    currency  text  NOT NULL
);

-- Debits and credits by day and account (projection: journal): a trial balance on any date is a sum.
CREATE TABLE read.journal_totals (
    currency      text      NOT NULL,
    effective_on  date      NOT NULL,
    account       smallint  NOT NULL,
    debit         bigint    NOT NULL,
    credit        bigint    NOT NULL,
    PRIMARY KEY (currency, effective_on, account)
);

CREATE VIEW read.journal_lines AS
SELECT entry.loan_id, entry.position, entry.part, side.line, entry.effective_on, entry.recorded_at,
       entry.event, entry.currency, side.account, accounts.code, accounts.name,
       greatest(side.amount, 0) AS debit, greatest(-side.amount, 0) AS credit
FROM read.journal_entries AS entry
CROSS JOIN LATERAL unnest(entry.accounts, entry.amounts)
    WITH ORDINALITY AS side (account, amount, line)
JOIN read.accounts ON accounts.account = side.account;

CREATE FUNCTION read.bucket(days_past_due integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN days_past_due <= 0 THEN 'current'
        WHEN days_past_due <= 7 THEN '1-7'
        WHEN days_past_due <= 15 THEN '8-15'
        WHEN days_past_due <= 30 THEN '16-30'
        WHEN days_past_due <= 60 THEN '31-60'
        WHEN days_past_due <= 90 THEN '61-90'
        WHEN days_past_due <= 120 THEN '91-120'
        WHEN days_past_due <= 180 THEN '121-180'
        ELSE '181+'
    END
$$;

-- Days past due on any date, past or future, of the loans on the books that day. Written so that
-- the planner can inline it: a filter on loan_id reaches the index.
CREATE FUNCTION read.aging_at(on_date date)
RETURNS TABLE (loan_id uuid, oldest_unpaid_due_on date, days_past_due integer, bucket text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT loans.loan_id, late.due_on, coalesce(on_date - late.due_on, 0),
           read.bucket(coalesce(on_date - late.due_on, 0))
    FROM read.loans
    LEFT JOIN (
        SELECT schedule.loan_id, min(schedule.due_on) AS due_on
        FROM read.schedule
        WHERE schedule.due_on <= on_date
          AND (schedule.settled_on IS NULL OR schedule.settled_on > on_date)
        GROUP BY schedule.loan_id
    ) AS late ON late.loan_id = loans.loan_id
    WHERE loans.booked_on <= on_date
      AND (loans.closed_on IS NULL OR loans.closed_on > on_date)
      AND (loans.written_off_on IS NULL OR loans.written_off_on > on_date)
$$;

RESET ROLE;

-- migrate:down
