-- migrate:up

-- References that mean a loan besides its own number: a CLABE of its own, or one with check digits.
-- `reference_key` is what `ledger.reference_key` makes of it. Given out for good.
CREATE TABLE ledger.payment_references (
    reference_key text        PRIMARY KEY CHECK (reference_key <> ''),
    reference     text        NOT NULL,
    loan_id       uuid        NOT NULL,
    kind          text        NOT NULL,
    issued_at     timestamptz NOT NULL DEFAULT transaction_timestamp()
);
CREATE INDEX payment_references_of ON ledger.payment_references (loan_id);
CREATE UNIQUE INDEX payment_references_one_clabe ON ledger.payment_references (loan_id)
    WHERE kind = 'clabe';

-- The last account number given out under a participant's prefix, and the last base of a reference.
CREATE TABLE ledger.reference_numbers (
    prefix text   PRIMARY KEY,
    last   bigint NOT NULL
);

-- Who paid, and what else the bank says of it, until the money is settled; how it was settled.
ALTER TABLE ledger.suspense
    ADD COLUMN payer      text NOT NULL DEFAULT '',
    ADD COLUMN remark     text NOT NULL DEFAULT '',
    ADD COLUMN settled_as text CHECK (settled_as IN ('assigned', 'returned')),
    ADD COLUMN settled_loan uuid;

-- Every bank statement that came in, by the SHA-256 of its bytes.
CREATE TABLE ledger.bank_files (
    digest      bytea       NOT NULL CHECK (octet_length(digest) = 32),
    name        text        NOT NULL,
    form        text        NOT NULL,
    bytes       bigint      NOT NULL,
    actor       text        NOT NULL,
    report      jsonb       NOT NULL,
    imported_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bank_files_by_digest ON ledger.bank_files (digest);

REVOKE UPDATE, DELETE ON ledger.payment_references, ledger.bank_files FROM cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
