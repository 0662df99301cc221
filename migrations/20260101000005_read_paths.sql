-- migrate:up

SET ROLE cartera_app;

-- Entries are listed by position: a page of them walked the whole book without an order to follow
-- (87 ms against 0.2 ms at a million entries).
DROP INDEX IF EXISTS read.journal_entries_position_idx;
CREATE INDEX ON read.journal_entries (position, part);

-- As before, but an instalment of nothing (no interest, no principal) makes nobody late on its due
-- date, though no close has marked it yet.
CREATE OR REPLACE FUNCTION read.aging_at(on_date date)
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
          AND (schedule.due OR schedule.principal + schedule.interest + schedule.interest_tax
               + schedule.late_interest + schedule.late_interest_tax
               + schedule.fee + schedule.fee_tax > 0)
        GROUP BY schedule.loan_id
    ) AS late ON late.loan_id = loans.loan_id
    WHERE loans.booked_on <= on_date
      AND (loans.closed_on IS NULL OR loans.closed_on > on_date)
      AND (loans.written_off_on IS NULL OR loans.written_off_on > on_date)
$$;

RESET ROLE;

-- migrate:down
