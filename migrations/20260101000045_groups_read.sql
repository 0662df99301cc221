-- migrate:up

SET ROLE cartera_app;

-- Which group a loan belongs to, and whose money a payment was: the loan of the member who paid.
ALTER TABLE read.loans ADD COLUMN group_no text NOT NULL DEFAULT '';
CREATE INDEX ON read.loans (group_no) WHERE group_no <> '';
ALTER TABLE read.payments ADD COLUMN paid_by text NOT NULL DEFAULT '';

-- What a borrower paid for another member's loan, and got back of it (projection: transactions).
CREATE TABLE read.covers (
    loan_id   uuid    NOT NULL,
    cover     integer NOT NULL,
    for_loan  text    NOT NULL,
    given_on  date    NOT NULL,
    amount    bigint  NOT NULL,
    returned  bigint  NOT NULL DEFAULT 0,
    PRIMARY KEY (loan_id, cover)
);

-- What was read before these were kept.
UPDATE read.loans SET group_no = state.group_no FROM ledger.loan_state AS state
WHERE state.loan_id = loans.loan_id AND state.group_no <> '';

WITH read AS (
    SELECT loan_id, type, effective_on, state::jsonb AS said FROM ledger.events
    WHERE position <= (SELECT position FROM read.positions WHERE projection = 'transactions')
      AND loan_id IN (SELECT loan_id FROM read.loans WHERE group_no <> '')
), paid AS (
    UPDATE read.payments SET paid_by = read.said ->> 'paid_by' FROM read
    WHERE read.type = 'payment-received' AND read.said ? 'paid_by'
      AND payments.loan_id = read.loan_id
      AND payments.payment = (read.said ->> 'payment')::integer
)
INSERT INTO read.covers (loan_id, cover, for_loan, given_on, amount, returned)
SELECT given.loan_id, (given.said ->> 'cover')::integer, given.said ->> 'for_loan',
       given.effective_on, (given.said ->> 'amount')::bigint,
       coalesce((SELECT sum((back.said ->> 'amount')::bigint) FROM read AS back
                 WHERE back.type = 'cover-returned' AND back.loan_id = given.loan_id
                   AND back.said ->> 'cover' = given.said ->> 'cover'), 0)
FROM read AS given WHERE given.type = 'cover-given';

RESET ROLE;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
