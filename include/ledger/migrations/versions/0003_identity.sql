-- Which database this ledger lives in: a copy of it elsewhere, or its own past brought back, does not match any more.
CREATE TABLE ledger_identity (
    one BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (one),
    identity TEXT NOT NULL,
    recorded_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);

-- Cluster / timeline / database / table. A dump brought back changes the last, into another database the last two, into
-- another server the first; recovery to a point in time and a fail-over begin a new timeline.
CREATE FUNCTION current_ledger_identity() RETURNS TEXT LANGUAGE sql STABLE AS $$
    SELECT concat_ws(
        '/',
        (SELECT system_identifier FROM pg_control_system()),
        left(pg_walfile_name(pg_current_wal_lsn()), 8),
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        'ledger_identity'::regclass::oid
    )
$$;

INSERT INTO ledger_identity (identity) VALUES (current_ledger_identity());
