-- migrate:up

-- The write side. Facts (`events`, `commands`) are only ever added; everything else here can be
-- made again from them. Why positions are drawn under a shared lock: docs/decisions/0003.

DO $$
BEGIN
    CREATE ROLE cartera_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;  -- roles belong to the cluster: another database of ours made it
END
$$;

DO $$
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND NOT pg_has_role(current_user, 'cartera_app', 'MEMBER') THEN
        EXECUTE format('GRANT cartera_app TO %I', current_user);
    END IF;
END
$$;

CREATE SCHEMA ledger;
GRANT USAGE ON SCHEMA ledger TO cartera_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA ledger
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO cartera_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA ledger GRANT USAGE, SELECT ON SEQUENCES TO cartera_app;

CREATE SEQUENCE ledger.position AS bigint CACHE 1;  -- more would hand out positions out of order

-- One order that was given: who, through what, and what it came to. `version` and `appended` are
-- the loan's version after it and how many events it added; a bulk command names no loan.
CREATE TABLE ledger.commands (
    id              uuid        PRIMARY KEY,
    name            text        NOT NULL,
    idempotency_key text,
    fingerprint     bytea       CHECK (octet_length(fingerprint) = 32),
    actor           text        NOT NULL CHECK (actor <> ''),
    channel         text        NOT NULL CHECK (channel <> ''),
    correlation_id  uuid        NOT NULL,
    causation_id    uuid,
    loan_id         uuid,
    version         integer,
    appended        integer     NOT NULL,
    recorded_at     timestamptz NOT NULL DEFAULT transaction_timestamp(),
    CHECK (idempotency_key IS NULL OR fingerprint IS NOT NULL)
);
CREATE UNIQUE INDEX commands_idempotency_key ON ledger.commands (idempotency_key)
    WHERE idempotency_key IS NOT NULL;  -- most commands have none

CREATE TABLE ledger.events (
    position     bigint      NOT NULL DEFAULT nextval('ledger.position') UNIQUE,
    loan_id      uuid        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    type         text        NOT NULL,
    revision     smallint    NOT NULL,
    more         smallint    NOT NULL CHECK (more >= 0),  -- events of the same append after this
    effective_on date        NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT transaction_timestamp(),
    command_id   uuid        NOT NULL,
    state        json        NOT NULL,
    PRIMARY KEY (loan_id, version)
);
ALTER SEQUENCE ledger.position OWNED BY ledger.events.position;

-- The loan's state in columns, kept with its events: what closing a day needs, in minor units.
CREATE TABLE ledger.loan_state (
    loan_id              uuid     PRIMARY KEY,
    loan_no              text     NOT NULL UNIQUE,
    version              integer  NOT NULL,
    status               text     NOT NULL,
    currency             text     NOT NULL,
    stage                smallint NOT NULL,
    fee_tax              bigint   NOT NULL,
    fee                  bigint   NOT NULL,
    late_interest_tax    bigint   NOT NULL,
    late_interest        bigint   NOT NULL,
    interest_tax         bigint   NOT NULL,
    interest             bigint   NOT NULL,
    principal            bigint   NOT NULL,
    overpaid             bigint   NOT NULL,
    prepaid              bigint   NOT NULL,
    numerator            numeric  NOT NULL,  -- exact interest of the running period; no int64
    period_start_on      date,
    accrued_through      date,
    oldest_unpaid_due_on date,
    next_due_on          date,
    closed_through       date  -- progress of the close of day, the one column not from events
) WITH (fillfactor = 80);  -- each append rewrites the row in its page

CREATE TABLE ledger.snapshots (
    loan_id uuid    PRIMARY KEY,
    version integer NOT NULL,
    layout  text    NOT NULL,
    state   bytea   NOT NULL
);

-- The durable queue; a message in Redis only says that there is something to look at.
CREATE TABLE ledger.jobs (
    id         uuid        PRIMARY KEY,
    kind       text        NOT NULL,
    arguments  jsonb       NOT NULL,
    state      text        NOT NULL DEFAULT 'waiting'
               CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    attempts   integer     NOT NULL DEFAULT 0,
    result     jsonb,
    error      text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    ended_at   timestamptz
);
CREATE INDEX jobs_open ON ledger.jobs (created_at) WHERE state IN ('waiting', 'running');

CREATE TABLE ledger.close_failures (
    business_date date        NOT NULL,
    loan_id       uuid        NOT NULL,
    code          text        NOT NULL,
    reason        text        NOT NULL,
    failed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (loan_id, business_date)
);

-- Lines of a payment file that no loan could take, until someone settles them.
CREATE TABLE ledger.suspense (
    id          uuid        PRIMARY KEY,
    line_key    text        NOT NULL UNIQUE,  -- the bank's transaction id: a line comes once
    source      text        NOT NULL,
    line        integer     NOT NULL,
    paid_on     date,
    amount      bigint,
    currency    text,
    reference   text        NOT NULL DEFAULT '',
    channel     text        NOT NULL DEFAULT '',
    code        text        NOT NULL,
    reason      text        NOT NULL,
    raw         jsonb       NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    settled_at  timestamptz,
    settled_by  uuid
);

CREATE TABLE ledger.api_keys (
    id         uuid        PRIMARY KEY,
    digest     bytea       NOT NULL UNIQUE CHECK (octet_length(digest) = 32),
    name       text        NOT NULL,
    roles      text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);

-- Facts are added, never changed: by anyone.

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.commands
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- By columns, so that position and booking time are always the database's own.
REVOKE ALL ON ledger.events, ledger.commands FROM cartera_app;
GRANT SELECT ON ledger.events, ledger.commands TO cartera_app;
GRANT INSERT (loan_id, version, type, revision, more, effective_on, command_id, state)
    ON ledger.events TO cartera_app;
GRANT INSERT (id, name, idempotency_key, fingerprint, actor, channel, correlation_id,
              causation_id, loan_id, version, appended) ON ledger.commands TO cartera_app;

-- Every writer holds this lock, shared, from before it draws its first position to its end.

CREATE FUNCTION ledger.writers() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 8400000001';

CREATE FUNCTION ledger.hold_writers_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_advisory_xact_lock_shared(8400000001) IS NULL THEN  -- ledger.writers(); as an
        RETURN NULL;                                          -- expression, quicker than PERFORM
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER a_position_is_drawn_under_the_lock BEFORE INSERT ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.hold_writers_lock();

CREATE FUNCTION ledger.writing() RETURNS text[] LANGUAGE sql VOLATILE AS $$
    -- Who may hold positions not yet visible. A waiting request has drawn none.
    SELECT coalesce(array_agg(virtualtransaction), '{}') FROM pg_locks
    WHERE locktype = 'advisory' AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid = (ledger.writers() >> 32)::oid
      AND objid = (ledger.writers() & 4294967295)::oid AND objsubid = 1
      AND pid IS DISTINCT FROM pg_backend_pid()
$$;

CREATE FUNCTION ledger.horizon() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
-- The largest position up to which no earlier one can still appear to a later statement.
-- Writers never wait for it; it waits for those that write right now.
DECLARE
    reached bigint;
    awaited text[];
    now     text[];
    pause   double precision := 0.0005;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'the log is read under READ COMMITTED: an old snapshot would skip events';
    END IF;
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO reached FROM ledger.position;
    awaited := ledger.writing();
    WHILE cardinality(awaited) > 0 LOOP
        PERFORM pg_sleep(pause);
        pause := least(pause * 2, 0.02);
        now := ledger.writing();
        SELECT coalesce(array_agg(one), '{}') INTO awaited
        FROM unnest(awaited) AS one WHERE one = ANY (now);
    END LOOP;
    RETURN reached;
END
$$;

-- What a command came to: its loan, the version after it, its events' positions and names.

CREATE FUNCTION ledger.result_of(
    command uuid, OUT command_id uuid, OUT loan_id uuid, OUT version integer,
    OUT positions bigint[], OUT tags text[]
) LANGUAGE sql STABLE AS $$
    SELECT c.id, c.loan_id, c.version,
           coalesce(array_agg(e.position ORDER BY e.version) FILTER (WHERE e.loan_id IS NOT NULL),
                    '{}'),
           coalesce(array_agg(e.type ORDER BY e.version) FILTER (WHERE e.loan_id IS NOT NULL), '{}')
    FROM ledger.commands AS c
    LEFT JOIN ledger.events AS e ON e.loan_id = c.loan_id
         AND e.version > c.version - c.appended AND e.version <= c.version
    WHERE c.id = command
    GROUP BY c.id
$$;

-- One round trip: the command, its events and the loan's state, or nothing.
-- `outcome`: appended; repeated (this command or key was applied before: its first result);
-- reused (the key with another body); conflict (another writer was first).

CREATE FUNCTION ledger.append(
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
                oldest_unpaid_due_on = fresh.oldest_unpaid_due_on, next_due_on = fresh.next_due_on
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
