-- migrate:up

-- Bank references are matched by loan number without case, spaces and punctuation; the same as
-- `reference_key` in ledger/bank_line.py.
CREATE FUNCTION ledger.reference_key(loan_no text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(upper(normalize(loan_no, NFKC) COLLATE "C"), '[^0-9A-Z]', '', 'g');

CREATE INDEX loan_state_by_reference ON ledger.loan_state (ledger.reference_key(loan_no));

-- migrate:down

DROP INDEX ledger.loan_state_by_reference;
DROP FUNCTION ledger.reference_key(text);
