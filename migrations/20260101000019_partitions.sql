-- migrate:up

-- The log in partitions by position, so that the book's age costs nothing: a close writes into the
-- newest one, and a loan is read from where its snapshot, or its opening, lies. Why so, and how
-- large they are: docs/decisions/0008.
--
-- (loan_id, version) is unique in each partition; across them the loan's state row guards it: who
-- appends has first set the row from the version that he saw.

ALTER TABLE ledger.events RENAME TO events_from_1;
ALTER INDEX ledger.events_pkey RENAME TO events_from_1_pkey;
ALTER INDEX ledger.events_position_key RENAME TO events_from_1_position_key;

CREATE TABLE ledger.events (
    LIKE ledger.events_from_1 INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
    UNIQUE (position)
) PARTITION BY RANGE (position);
ALTER SEQUENCE ledger.position OWNED BY ledger.events.position;

REVOKE ALL ON ledger.events_from_1, ledger.events FROM cartera_app;
GRANT SELECT ON ledger.events TO cartera_app;
GRANT INSERT (loan_id, version, type, revision, more, effective_on, command_id, state)
    ON ledger.events TO cartera_app;

-- Statement triggers fire only for the table that the statement names: each partition has its own.
CREATE FUNCTION ledger.guard(of regclass) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', of);
    EXECUTE format('CREATE TRIGGER a_position_is_drawn_under_the_lock BEFORE INSERT ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION ledger.hold_writers_lock()', of);
    EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER append_only,
                    ENABLE ALWAYS TRIGGER a_position_is_drawn_under_the_lock', of);
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.guard FROM PUBLIC;
SELECT ledger.guard('ledger.events');

-- Rows that never change are frozen once, soon after they came, and never visited again.
CREATE FUNCTION ledger.suit_append_only(of regclass) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s SET (
        autovacuum_freeze_min_age = 0, autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_vacuum_insert_threshold = 1000000, autovacuum_analyze_scale_factor = 0.2)', of);
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.suit_append_only FROM PUBLIC;
SELECT ledger.suit_append_only('ledger.events_from_1');
SELECT ledger.suit_append_only('ledger.commands');

CREATE FUNCTION ledger.drawn() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM ledger.position
$$;

CREATE FUNCTION ledger.partitioned_upto() RETURNS bigint LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp AS $$
    -- The last position for which there is a partition.
    SELECT max(substring(pg_get_expr(leaf.relpartbound, leaf.oid)
                         FROM 'TO \(''(\d+)''\)$')::bigint) - 1
    FROM pg_inherits JOIN pg_class AS leaf ON leaf.oid = inhrelid
    WHERE inhparent = 'ledger.events'::regclass
$$;

DO $$
-- What is there stays where it is, as the first partition.
BEGIN
    EXECUTE format('ALTER TABLE ledger.events ATTACH PARTITION ledger.events_from_1
                    FOR VALUES FROM (1) TO (%s)', (ledger.drawn() / 8388608 + 1) * 8388608 + 1);
END
$$;

CREATE FUNCTION ledger.make_partitions(size bigint, ahead bigint) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
-- Partitions of `size` positions until there is room for `ahead` more; answers how many were made.
-- Attaching an empty table makes no writer and no reader wait.
DECLARE
    made integer := 0;
    upto bigint;
    leaf text;
BEGIN
    IF size < 1000 OR ahead < 0 OR ahead / size > 1000 THEN
        RAISE EXCEPTION 'partitions of % positions for % ahead are out of measure', size, ahead
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(8400000006);
    LOOP
        upto := ledger.partitioned_upto();
        EXIT WHEN upto >= ledger.drawn() + ahead;
        leaf := format('ledger.events_from_%s', upto + 1);
        EXECUTE format('CREATE TABLE %s (LIKE ledger.events INCLUDING DEFAULTS
                        INCLUDING CONSTRAINTS, PRIMARY KEY (loan_id, version), UNIQUE (position))',
                       leaf);
        EXECUTE format('REVOKE ALL ON %s FROM cartera_app', leaf);
        PERFORM ledger.guard(leaf::regclass), ledger.suit_append_only(leaf::regclass);
        EXECUTE format('ALTER TABLE ledger.events ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
                       leaf, upto + 1, upto + 1 + size);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;
REVOKE EXECUTE ON FUNCTION ledger.make_partitions FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.make_partitions TO cartera_app;

-- All events of a loan have positions above `since`. The row comes before its first event.
ALTER TABLE ledger.loan_state ADD COLUMN since bigint NOT NULL DEFAULT 0;

CREATE FUNCTION ledger.set_since() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.since := ledger.drawn();
    RETURN NEW;
END
$$;
CREATE TRIGGER since_its_opening BEFORE INSERT ON ledger.loan_state
    FOR EACH ROW EXECUTE FUNCTION ledger.set_since();

-- All events after a snapshot have positions above its own.
ALTER TABLE ledger.snapshots ADD COLUMN position bigint NOT NULL DEFAULT 0;

-- Rows that each close rewrites: the old one's place is taken by the next one, in the same page.
ALTER TABLE ledger.loan_state SET (autovacuum_vacuum_cost_delay = 0,
                                   autovacuum_analyze_scale_factor = 0.5);
ALTER TABLE read.balances SET (autovacuum_vacuum_cost_delay = 0,
                               autovacuum_analyze_scale_factor = 0.5);

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
