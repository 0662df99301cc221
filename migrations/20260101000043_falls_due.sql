-- migrate:up

-- The instalment that plainly falls due the day after `quiet_until`, so that the close counts that
-- day of many loans at once as well (docs/decisions/0009). Its number, principal, the interest and
-- tax that the loan owes besides it, what interest then runs on, the next due date, until when the
-- loan is then quiet (both as ordinals, 1 is 0001-01-01), and what late interest runs on (domain/falls_due.py).
-- NULL: the day is not plain, or the close itself made this row and nothing was recorded since.
ALTER TABLE ledger.loan_state ADD COLUMN falls_due bigint[];

-- One round trip: the command, its events and the loan's state, or nothing.
-- `outcome`: appended; repeated (this command or key was applied before: its first result);
-- reused (the key with another body); conflict (another writer was first).

CREATE OR REPLACE FUNCTION ledger.append(
    command json, loan uuid, expected integer, events json, state json,
    OUT outcome text, OUT command_id uuid, OUT loan_id uuid, OUT version integer,
    OUT positions bigint[], OUT tags text[]
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    given ledger.commands   := json_populate_record(NULL::ledger.commands, command);
    kept  ledger.commands;
    fresh ledger.loan_state := json_populate_record(NULL::ledger.loan_state, state);
    total integer           := json_array_length(events);
BEGIN
    INSERT INTO ledger.commands (id, name, idempotency_key, fingerprint, actor, channel,
                                 correlation_id, causation_id, loan_id, version, appended)
    VALUES (given.id, given.name, given.idempotency_key, given.fingerprint, given.actor,
            given.channel, given.correlation_id, given.causation_id, loan, expected + total, total)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        SELECT * INTO STRICT kept FROM ledger.commands AS c
        WHERE c.id = given.id OR c.idempotency_key = given.idempotency_key;
        outcome := CASE WHEN kept.fingerprint IS DISTINCT FROM given.fingerprint
                        THEN 'reused' ELSE 'repeated' END;
        SELECT * INTO command_id, loan_id, version, positions, tags FROM ledger.result_of(kept.id);
        RETURN;
    END IF;

    command_id := given.id;
    loan_id := loan;
    version := expected + total;
    positions := '{}';
    tags := '{}';
    IF total > 0 THEN
        IF expected = 0 THEN
            INSERT INTO ledger.loan_state SELECT (fresh).*
            ON CONFLICT ON CONSTRAINT loan_state_pkey DO NOTHING;
        ELSE
            UPDATE ledger.loan_state AS kept SET
                version = fresh.version, status = fresh.status, stage = fresh.stage,
                fee_tax = fresh.fee_tax, fee = fresh.fee,
                late_interest_tax = fresh.late_interest_tax, late_interest = fresh.late_interest,
                interest_tax = fresh.interest_tax, interest = fresh.interest,
                principal = fresh.principal, overpaid = fresh.overpaid, prepaid = fresh.prepaid,
                numerator = fresh.numerator, period_start_on = fresh.period_start_on,
                accrued_through = fresh.accrued_through,
                oldest_unpaid_due_on = fresh.oldest_unpaid_due_on, next_due_on = fresh.next_due_on,
                quiet_until = fresh.quiet_until, runs = fresh.runs, accruing = fresh.accruing,
                bears = fresh.bears, rate = fresh.rate, begins_on = fresh.begins_on,
                ends_on = fresh.ends_on, exact = fresh.exact, day_count = fresh.day_count,
                rounding = fresh.rounding, tax_rate = fresh.tax_rate, late_rate = fresh.late_rate,
                late_grace_days = fresh.late_grace_days, late_lines = fresh.late_lines,
                late_due_on = fresh.late_due_on, late_bases = fresh.late_bases,
                late_numerators = fresh.late_numerators, falls_due = fresh.falls_due
            WHERE kept.loan_id = loan AND kept.version = expected;
        END IF;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'loan % is no longer at version %', loan, expected
                USING ERRCODE = 'serialization_failure';
        END IF;
        WITH added AS (
            INSERT INTO ledger.events
                (loan_id, version, type, revision, more, effective_on, command_id, state)
            SELECT loan, expected + n, e ->> 'type', (e ->> 'revision')::smallint, total - n,
                   (e ->> 'effective_on')::date, given.id, e -> 'state'
            FROM json_array_elements(events) WITH ORDINALITY AS u (e, n)
            RETURNING position, version, type
        )
        SELECT array_agg(position ORDER BY version), array_agg(type ORDER BY version)
        INTO positions, tags FROM added;
    END IF;
    outcome := 'appended';
END
$$;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
