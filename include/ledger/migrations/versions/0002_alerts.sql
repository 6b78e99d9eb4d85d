-- Sending of alerts: who holds one for sending, and whether its end was told too.
ALTER TABLE alerts
    ADD COLUMN over_sent_at TIMESTAMPTZ,
    ADD COLUMN claimed_until TIMESTAMPTZ;
-- What is only told, such as a session's summary, is over at once and told once.
CREATE UNIQUE INDEX idx_alerts_told ON alerts (dedupe_key) WHERE severity = 'info';
CREATE INDEX idx_alerts_key ON alerts (dedupe_key, id DESC);
CREATE INDEX idx_alerts_unsent ON alerts (id) WHERE sent_at IS NULL OR over_sent_at IS NULL;

-- One row a try of a step of a run: how long it took, and the error that ended it. Not ended: running, or killed.
CREATE TABLE run_steps (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id UUID NOT NULL,
    step TEXT NOT NULL,
    symbol TEXT,
    try_number INTEGER NOT NULL CHECK (try_number >= 1),
    started_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    ended_at TIMESTAMPTZ,
    error TEXT
);
CREATE INDEX idx_run_steps_run ON run_steps (run_id, id);

-- When a part that nobody watches last did its work.
CREATE TABLE heartbeats (
    name TEXT PRIMARY KEY,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
