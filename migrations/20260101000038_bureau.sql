-- migrate:up

-- What was told to credit bureaus (projections/bureau/). A file is a draft until it is marked as
-- sent; from then on it and its records stand, as facts of the outside world that no rebuild makes
-- again: the history of a loan at a bureau is what was reported of it. Nobody's name is in here.
CREATE SCHEMA bureau;
GRANT USAGE ON SCHEMA bureau TO cartera_app;

-- `position` is how far the log was read, `lender` the digest of the lender file it was written
-- with. `balance` and `past_due` are the control figures written, in whole units.
CREATE TABLE bureau.files (
    file        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    bureau      text        NOT NULL,
    format      text        NOT NULL,
    cut_off     date        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('full', 'correction')),
    position    bigint      NOT NULL,
    lender      bytea       NOT NULL CHECK (octet_length(lender) = 32),
    actor       text        NOT NULL CHECK (actor <> ''),
    written_at  timestamptz NOT NULL DEFAULT transaction_timestamp(),
    sha256      bytea       CHECK (octet_length(sha256) = 32),
    records     integer,
    balance     bigint,
    past_due    bigint,
    sent_at     timestamptz,
    sent_by     text,
    CHECK ((sent_at IS NULL) = (sent_by IS NULL)),
    CHECK (sent_at IS NULL OR sha256 IS NOT NULL)
);
CREATE UNIQUE INDEX one_sent ON bureau.files (bureau, cut_off)
    WHERE kind = 'full' AND sent_at IS NOT NULL;

-- One loan and one person as told: `facts` in minor units as the ledger had them, `told` what later
-- months keep to. `balance` and `past_due` as written, `owed` the loan's own figure.
CREATE TABLE bureau.records (
    loan_id        uuid    NOT NULL,
    file           bigint  NOT NULL REFERENCES bureau.files ON DELETE CASCADE,
    person         text    NOT NULL,
    role           text    NOT NULL,
    loan_no        text    NOT NULL,
    currency       text    NOT NULL,
    balance        bigint  NOT NULL,
    past_due       bigint  NOT NULL,
    owed           bigint  NOT NULL,
    days_past_due  integer NOT NULL,
    closed         boolean NOT NULL,
    told           jsonb   NOT NULL,
    facts          jsonb   NOT NULL,
    PRIMARY KEY (loan_id, file, person)
);
CREATE INDEX ON bureau.records (file);

-- What could not be sent with a file, and why.
CREATE TABLE bureau.unsendable (
    loan_id   uuid    NOT NULL,
    file      bigint  NOT NULL REFERENCES bureau.files ON DELETE CASCADE,
    person    text    NOT NULL,
    role      text    NOT NULL,
    loan_no   text    NOT NULL,
    currency  text    NOT NULL,
    owed      bigint  NOT NULL,
    field     text    NOT NULL,
    rule      text    NOT NULL
);
CREATE INDEX ON bureau.unsendable (loan_id, file);
CREATE INDEX ON bureau.unsendable (file);

-- What the bureau sent back of a file. One is answered once a later file that was sent has its
-- record.
CREATE TABLE bureau.rejects (
    loan_id      uuid        NOT NULL,
    file         bigint      NOT NULL REFERENCES bureau.files,
    person       text        NOT NULL,
    loan_no      text        NOT NULL,
    line         integer     NOT NULL,
    code         text        NOT NULL,
    field        text        NOT NULL,
    message      text        NOT NULL,
    actor        text        NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT transaction_timestamp(),
    PRIMARY KEY (loan_id, file, person, line)
);
CREATE INDEX ON bureau.rejects (file);

CREATE FUNCTION bureau.refuse_sent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM gone JOIN bureau.files USING (file) WHERE files.sent_at IS NOT NULL) THEN
        RAISE EXCEPTION 'what was sent to a bureau stands: % of % refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;
CREATE FUNCTION bureau.refuse_sent_file() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.sent_at IS NOT NULL THEN
        RAISE EXCEPTION 'what was sent to a bureau stands: % of file % refused', TG_OP, OLD.file
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER sent_stands BEFORE UPDATE OR DELETE ON bureau.files
    FOR EACH ROW EXECUTE FUNCTION bureau.refuse_sent_file();
CREATE TRIGGER sent_stands AFTER DELETE ON bureau.records
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION bureau.refuse_sent();
CREATE TRIGGER sent_stands AFTER DELETE ON bureau.unsendable
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION bureau.refuse_sent();
CREATE TRIGGER nothing_added_to_sent AFTER INSERT ON bureau.records
    REFERENCING NEW TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION bureau.refuse_sent();
CREATE TRIGGER nothing_added_to_sent AFTER INSERT ON bureau.unsendable
    REFERENCING NEW TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION bureau.refuse_sent();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON bureau.records
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR TRUNCATE ON bureau.unsendable
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON bureau.rejects
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT, DELETE ON bureau.files TO cartera_app;
GRANT INSERT (bureau, format, cut_off, kind, position, lender, actor)
    ON bureau.files TO cartera_app;
GRANT UPDATE (sha256, records, balance, past_due, sent_at, sent_by) ON bureau.files TO cartera_app;
GRANT SELECT, INSERT, DELETE ON bureau.records, bureau.unsendable TO cartera_app;
GRANT SELECT, INSERT ON bureau.rejects TO cartera_app;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
