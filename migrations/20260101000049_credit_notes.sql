-- migrate:up

-- Credit notes (CFDI of kind E) are kept beside invoices and complements.
ALTER TABLE ledger.fiscal_documents
    DROP CONSTRAINT fiscal_documents_kind_check,
    ADD CONSTRAINT fiscal_documents_kind_check CHECK (kind IN ('income', 'payment', 'credit'));

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
