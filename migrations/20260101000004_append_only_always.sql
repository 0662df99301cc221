-- migrate:up

-- Ordinary triggers sleep while a session plays a replica (`session_replication_role`): facts could
-- then be changed, and positions drawn without the lock that readers watch. These never sleep.
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.commands ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE ledger.events ENABLE ALWAYS TRIGGER a_position_is_drawn_under_the_lock;

-- The jobs that an idempotency key stands for are looked up by each request that queues work.
CREATE INDEX jobs_idempotency_key ON ledger.jobs ((arguments ->> 'key'))
    WHERE arguments ->> 'key' IS NOT NULL;

-- migrate:down

DO $$ BEGIN RAISE EXCEPTION 'forward only: facts are not taken back'; END $$;
