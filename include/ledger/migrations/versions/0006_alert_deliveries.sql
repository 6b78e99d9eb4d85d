-- Where alerts are sent. Named by a hash: an address holds secrets. One sender at a time holds a channel, which keeps its
-- messages in order. `failures` in a row puts a channel behind the others.
CREATE TABLE alert_channels (
    channel TEXT PRIMARY KEY,
    first_seen_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    claimed_by TEXT,
    claimed_until TIMESTAMPTZ,
    failures INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),
    failing_since TIMESTAMPTZ
);

-- What each channel was told of each alert: the severity that it heard of last, and the end.
CREATE TABLE alert_deliveries (
    alert_id BIGINT NOT NULL REFERENCES alerts (id),
    channel TEXT NOT NULL REFERENCES alert_channels (channel),
    severity TEXT CHECK (severity IN ('info', 'warning', 'critical')),
    told_at TIMESTAMPTZ,
    over_told_at TIMESTAMPTZ,
    tries INTEGER NOT NULL DEFAULT 0 CHECK (tries >= 0),
    PRIMARY KEY (alert_id, channel)
);

DROP INDEX idx_alerts_unsent;
CREATE INDEX idx_alerts_over ON alerts (over_at);

-- A person who looks after an alert, and one who ended it.
ALTER TABLE alerts
    DROP COLUMN claimed_until,
    ADD COLUMN acknowledged_at TIMESTAMPTZ,
    ADD COLUMN acknowledged_by TEXT,
    ADD COLUMN acknowledged_reason TEXT,
    ADD COLUMN closed_by TEXT,
    ADD COLUMN closed_reason TEXT;
