-- migrate:up

-- Personal data, apart from the loans: a loan only names a borrower's number. Every fact about a
-- person is encrypted under a key of his own. With that key deleted nobody can read them again,
-- while the rows, and the digests that chain them, stay as they are.
CREATE TABLE ledger.borrowers (
    borrower_id  uuid        PRIMARY KEY,
    borrower_no  text        NOT NULL UNIQUE CHECK (borrower_no <> ''),
    version      integer     NOT NULL,
    forgotten_at timestamptz
);

-- His key, encrypted under the master key that `master` names. The one row that may be deleted.
CREATE TABLE ledger.borrower_keys (
    borrower_id uuid  PRIMARY KEY REFERENCES ledger.borrowers,
    master      text  NOT NULL,
    wrapped     bytea NOT NULL
);

-- `sealed` is nonce, ciphertext and tag (AES-256-GCM); that he is forgotten stands in clear.
-- `chain` is SHA-256 over the chain of the version before and all of this row.
CREATE TABLE ledger.borrower_events (
    borrower_id  uuid        NOT NULL REFERENCES ledger.borrowers,
    version      integer     NOT NULL CHECK (version > 0),
    type         text        NOT NULL,
    revision     smallint    NOT NULL,
    effective_on date        NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT transaction_timestamp(),
    command_id   uuid        NOT NULL,
    sealed       bytea       NOT NULL,
    chain        bytea       NOT NULL CHECK (octet_length(chain) = 32),
    PRIMARY KEY (borrower_id, version)
);
CREATE INDEX borrower_events_by_command ON ledger.borrower_events (command_id);

-- Who answers for a loan besides its borrower, in clear: numbers only.
CREATE TABLE ledger.borrower_loans (
    borrower_id uuid NOT NULL REFERENCES ledger.borrowers,
    loan_no     text NOT NULL,
    role        text NOT NULL,
    joined_on   date NOT NULL,
    left_on     date
);
CREATE UNIQUE INDEX borrower_loans_held ON ledger.borrower_loans (loan_no, role, borrower_id)
    WHERE left_on IS NULL;
CREATE INDEX borrower_loans_of ON ledger.borrower_loans (borrower_id);

-- Keyed digests of RFC and CURP, by which a person is found again; gone when he is forgotten.
CREATE TABLE ledger.borrower_marks (
    kind        text  NOT NULL,
    mark        bytea NOT NULL,
    borrower_id uuid  NOT NULL REFERENCES ledger.borrowers,
    PRIMARY KEY (borrower_id, kind),
    CONSTRAINT borrower_marks_unique UNIQUE (kind, mark)
);

-- Who read whose data, when, through what, and which part of it.
CREATE TABLE ledger.borrower_reads (
    id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    borrower_id uuid        NOT NULL REFERENCES ledger.borrowers,
    read_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor       text        NOT NULL CHECK (actor <> ''),
    channel     text        NOT NULL CHECK (channel <> ''),
    what        text        NOT NULL
);
CREATE INDEX borrower_reads_of ON ledger.borrower_reads (borrower_id, id);

REVOKE ALL ON ledger.borrowers, ledger.borrower_events, ledger.borrower_reads FROM cartera_app;
GRANT SELECT ON ledger.borrowers, ledger.borrower_events, ledger.borrower_reads TO cartera_app;
GRANT INSERT, UPDATE (version, forgotten_at) ON ledger.borrowers TO cartera_app;
GRANT INSERT (borrower_id, version, type, revision, effective_on, command_id, sealed, chain)
    ON ledger.borrower_events TO cartera_app;
GRANT INSERT (borrower_id, actor, channel, what) ON ledger.borrower_reads TO cartera_app;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.borrower_events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.borrower_reads
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.borrower_events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.borrower_reads ENABLE ALWAYS TRIGGER append_only;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
