-- Accounts: the unit of positions, halts and pacing. A row is locked before every POST.
CREATE TABLE accounts (
    account TEXT PRIMARY KEY,
    state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'reduce_only', 'halted')),
    state_cause TEXT NOT NULL DEFAULT 'new',
    state_reason TEXT,
    state_changed_by TEXT NOT NULL DEFAULT 'ledger',
    state_changed_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    gateway_paused_until TIMESTAMPTZ,
    pause_reason TEXT,
    consecutive_failures INTEGER NOT NULL DEFAULT 0 CHECK (consecutive_failures >= 0)
);

CREATE TABLE account_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    actor TEXT NOT NULL,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    cause TEXT NOT NULL,
    reason TEXT NOT NULL
);

-- Plans: the frozen list of orders of one (mode, account, strategy, session, revision).
CREATE TABLE plans (
    plan_id UUID PRIMARY KEY,
    mode TEXT NOT NULL CHECK (mode IN ('dry_run', 'paper', 'live')),
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    session_date DATE NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    contract TEXT NOT NULL CHECK (contract IN ('v1', 'v2')),
    as_of_date DATE NOT NULL,
    parameters JSONB NOT NULL,
    window_opens TIMESTAMPTZ NOT NULL,
    send_until TIMESTAMPTZ NOT NULL,
    cutoff_at TIMESTAMPTZ NOT NULL,
    orders_per_minute INTEGER CHECK (orders_per_minute >= 1),
    state TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    closed_reason TEXT,
    closed_at TIMESTAMPTZ,
    created_by_run UUID NOT NULL,
    frozen_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (mode, account, strategy_id, session_date, revision),
    CHECK (window_opens < send_until AND send_until <= cutoff_at)
);

-- Runs: ADR-0006 section 7, by its names; what is wider or added says why in docs/decisions.
CREATE TABLE orchestration_runs (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id UUID UNIQUE NOT NULL,
    strategy_id VARCHAR(100) NOT NULL,
    as_of_date DATE NOT NULL,
    status VARCHAR(20) NOT NULL CHECK (status IN ('running', 'completed', 'failed', 'partial')),

    symbols TEXT[] NOT NULL,
    capital NUMERIC(20, 2) NOT NULL,

    num_signals INTEGER NOT NULL DEFAULT 0,
    num_orders_submitted INTEGER NOT NULL DEFAULT 0,
    num_orders_accepted INTEGER NOT NULL DEFAULT 0,
    num_orders_rejected INTEGER NOT NULL DEFAULT 0,
    num_orders_filled INTEGER NOT NULL DEFAULT 0,

    started_at TIMESTAMPTZ NOT NULL,
    completed_at TIMESTAMPTZ,
    duration_seconds NUMERIC(12, 3),

    error_message TEXT,

    model_version VARCHAR(100),
    signal_service_response JSONB,
    execution_gateway_responses JSONB,

    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    dag_id TEXT NOT NULL,
    airflow_run_id TEXT NOT NULL,
    run_type TEXT NOT NULL,
    scheduled_at TIMESTAMPTZ NOT NULL,
    account TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('replay', 'plan', 'dry_run', 'paper', 'live')),
    mode_reason TEXT,
    session_date DATE NOT NULL,
    revision INTEGER NOT NULL CHECK (revision >= 1),
    window_opens TIMESTAMPTZ NOT NULL,
    send_until TIMESTAMPTZ NOT NULL,
    cutoff_at TIMESTAMPTZ NOT NULL,
    mapped_at TIMESTAMPTZ,
    plan_id UUID REFERENCES plans (plan_id),
    adopted BOOLEAN NOT NULL DEFAULT FALSE,
    parameters JSONB NOT NULL,
    code_version TEXT NOT NULL,
    num_orders_planned INTEGER NOT NULL DEFAULT 0,
    num_orders_denied INTEGER NOT NULL DEFAULT 0,
    num_orders_not_sent INTEGER NOT NULL DEFAULT 0,
    num_orders_unknown INTEGER NOT NULL DEFAULT 0,
    last_acknowledged_at TIMESTAMPTZ,
    summary TEXT,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idx_orchestration_runs_status ON orchestration_runs (status);
CREATE INDEX idx_orchestration_runs_as_of_date ON orchestration_runs (as_of_date DESC);
CREATE INDEX idx_orchestration_runs_run_id ON orchestration_runs (run_id);
CREATE INDEX idx_orchestration_runs_started_at ON orchestration_runs (started_at DESC);
CREATE INDEX idx_orchestration_runs_plan ON orchestration_runs (plan_id);

CREATE TABLE signal_order_mappings (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id UUID NOT NULL REFERENCES orchestration_runs (run_id),

    symbol VARCHAR(15) NOT NULL,
    predicted_return NUMERIC(18, 10),
    rank INTEGER,
    target_weight NUMERIC(18, 12),

    client_order_id TEXT,
    order_qty INTEGER,
    order_side VARCHAR(10),

    broker_order_id TEXT,
    order_status VARCHAR(30),
    filled_qty NUMERIC(20, 6),
    filled_avg_price NUMERIC(20, 6),

    created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),

    leg SMALLINT NOT NULL DEFAULT 1 CHECK (leg IN (1, 2)),
    target_quantity NUMERIC(20, 6),
    held_quantity NUMERIC(20, 6),
    open_quantity NUMERIC(20, 6),
    delta_quantity NUMERIC(20, 6),
    price NUMERIC(20, 6),
    price_source TEXT,
    price_at TIMESTAMPTZ,
    price_age_seconds NUMERIC(14, 3),
    outcome TEXT NOT NULL CHECK (outcome IN ('order', 'skipped', 'denied', 'unchanged')),
    skip_reason TEXT,
    detail TEXT,
    rules JSONB NOT NULL DEFAULT '[]',
    reduces BOOLEAN,
    order_error TEXT,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (run_id, symbol, leg)
);
CREATE INDEX idx_signal_order_mappings_run_id ON signal_order_mappings (run_id);
CREATE INDEX idx_signal_order_mappings_symbol ON signal_order_mappings (symbol);
CREATE INDEX idx_signal_order_mappings_client_order_id ON signal_order_mappings (client_order_id);

-- Order intents: stored before the first byte is sent; the state moves only by compare-and-set.
CREATE TABLE order_intents (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    plan_id UUID NOT NULL REFERENCES plans (plan_id),
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    slot TEXT NOT NULL UNIQUE,
    client_order_id TEXT NOT NULL UNIQUE,
    symbol TEXT NOT NULL,
    leg SMALLINT NOT NULL CHECK (leg IN (1, 2)),
    position INTEGER NOT NULL CHECK (position >= 0),
    side TEXT NOT NULL CHECK (side IN ('buy', 'sell')),
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    price NUMERIC(20, 6) NOT NULL CHECK (price > 0),
    reduces BOOLEAN NOT NULL,
    state TEXT NOT NULL DEFAULT 'planned',
    version INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    attempt INTEGER NOT NULL DEFAULT 0,
    lease_owner TEXT,
    lease_until TIMESTAMPTZ,
    gateway_order_id TEXT,
    broker_order_id TEXT,
    gateway_status TEXT,
    message TEXT,
    filled_quantity NUMERIC(20, 6) NOT NULL DEFAULT 0 CHECK (filled_quantity >= 0),
    filled_avg_price NUMERIC(20, 6),
    first_sent_at TIMESTAMPTZ,
    acknowledged_at TIMESTAMPTZ,
    unknown_since TIMESTAMPTZ,
    post_timed_out_at TIMESTAMPTZ,
    not_found_count INTEGER NOT NULL DEFAULT 0,
    proven_absent_at TIMESTAMPTZ,
    last_looked_up_at TIMESTAMPTZ,
    final_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account, gateway_order_id)
);
CREATE INDEX idx_order_intents_plan ON order_intents (plan_id);
CREATE INDEX idx_order_intents_live ON order_intents (account, state)
    WHERE state IN ('planned', 'sending', 'unknown', 'open');
CREATE INDEX idx_order_intents_book ON order_intents (account, strategy_id, mode, symbol);

-- One row a POST: what pacing counts, and what v1 look-ups need (its ids depend on the day of the try).
CREATE TABLE order_attempts (
    intent_id BIGINT NOT NULL REFERENCES order_intents (id),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    account TEXT NOT NULL,
    worker TEXT NOT NULL,
    code_version TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    times_out_at TIMESTAMPTZ NOT NULL,
    gateway_order_ids TEXT[] NOT NULL,
    PRIMARY KEY (intent_id, attempt)
);
CREATE INDEX idx_order_attempts_pace ON order_attempts (account, started_at DESC);
CREATE INDEX idx_order_attempts_ids ON order_attempts USING GIN (gateway_order_ids);

-- Who did what to an order, when, with what answer. Append-only.
CREATE TABLE order_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    intent_id BIGINT NOT NULL REFERENCES order_intents (id),
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    actor TEXT NOT NULL,
    event TEXT NOT NULL,
    from_state TEXT,
    to_state TEXT,
    attempt INTEGER NOT NULL,
    detail JSONB NOT NULL DEFAULT '{}'
);
CREATE INDEX idx_order_events_intent ON order_events (intent_id, id);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP;
END $$;
CREATE TRIGGER order_events_append_only BEFORE UPDATE OR DELETE ON order_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER account_events_append_only BEFORE UPDATE OR DELETE ON account_events
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE fills (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    fill_id TEXT NOT NULL,
    intent_id BIGINT NOT NULL REFERENCES order_intents (id),
    quantity NUMERIC(20, 6) NOT NULL CHECK (quantity > 0),
    price NUMERIC(20, 6) NOT NULL CHECK (price > 0),
    filled_at TIMESTAMPTZ,
    booked_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account, fill_id)
);
CREATE INDEX idx_fills_intent ON fills (intent_id);

-- What the gateway said the account held, each time it was asked; and what a person declared not to be ours.
CREATE TABLE positions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    queried_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    run_id UUID,
    quantities JSONB NOT NULL
);
CREATE INDEX idx_positions_account ON positions (account, queried_at DESC);

CREATE TABLE baselines (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    symbol TEXT NOT NULL,
    quantity NUMERIC(20, 6) NOT NULL,
    adopted_by TEXT NOT NULL,
    reason TEXT NOT NULL,
    adopted_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idx_baselines_account ON baselines (account, symbol, id DESC);

-- Breaks: two books that must agree do not. One row a cause, until a person resolves it.
CREATE TABLE breaks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    kind TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    symbol TEXT,
    intent_id BIGINT REFERENCES order_intents (id),
    run_id UUID,
    message TEXT NOT NULL,
    detail JSONB NOT NULL DEFAULT '{}',
    found_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    resolved_at TIMESTAMPTZ,
    resolved_by TEXT,
    resolution TEXT
);
CREATE UNIQUE INDEX idx_breaks_open ON breaks (account, dedupe_key) WHERE resolved_at IS NULL;

CREATE TABLE alerts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    dedupe_key TEXT NOT NULL,
    strategy_id TEXT,
    account TEXT,
    session_date DATE,
    run_id UUID,
    message TEXT NOT NULL,
    next_step TEXT NOT NULL,
    count INTEGER NOT NULL DEFAULT 1,
    first_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    last_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    sent_at TIMESTAMPTZ,
    over_at TIMESTAMPTZ
);
CREATE UNIQUE INDEX idx_alerts_open ON alerts (dedupe_key) WHERE over_at IS NULL;
CREATE INDEX idx_alerts_run ON alerts (run_id);
