-- migrate:up

-- A waiver may be undone: what was given up is owed again.
ALTER TABLE read.transactions
    DROP CONSTRAINT transactions_kind_check,
    ADD CONSTRAINT transactions_kind_check CHECK (kind IN (
        'disbursement', 'taken_on', 'fee', 'waiver', 'waiver_undone', 'payment', 'reversal',
        'charge_correction', 'payment_correction', 'application', 'refund', 'chargeback',
        'capitalisation', 'forgiveness', 'write_off', 'sale', 'recovery'));

-- migrate:down
