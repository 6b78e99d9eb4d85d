-- What a symbol's size was made of: the signal's own weight, and the constraint that made the planned one what it is.
ALTER TABLE signal_order_mappings ADD COLUMN signal_weight NUMERIC(18, 12), ADD COLUMN bound TEXT;

-- Closes adjusted for splits and dividends that were asked for before, of each source by session. A cache: it may be
-- emptied, and is asked for again.
CREATE TABLE adjusted_closes (
    source TEXT NOT NULL,
    session_date DATE NOT NULL,
    closes JSONB NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, session_date)
);

-- What a run's plan was made from, packed, so that it can be made again. plans.parameters keeps the hash as well.
CREATE TABLE plan_inputs (
    run_id UUID PRIMARY KEY REFERENCES orchestration_runs (run_id) ON DELETE CASCADE,
    sha256 TEXT NOT NULL,
    packed BYTEA NOT NULL,
    kept_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
-- Its content is compressed already.
ALTER TABLE plan_inputs ALTER COLUMN packed SET STORAGE EXTERNAL;
CREATE FUNCTION refuse_other_inputs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orchestration_runs WHERE run_id = OLD.run_id AND plan_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the plan of run % is frozen: what it was made from stays', OLD.run_id
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_inputs_stay BEFORE UPDATE ON plan_inputs FOR EACH ROW EXECUTE FUNCTION refuse_other_inputs();

-- What the strategy's other sizings would have held after a run; never traded.
CREATE TABLE shadow_sizings (
    run_id UUID NOT NULL REFERENCES orchestration_runs (run_id) ON DELETE CASCADE,
    model TEXT NOT NULL,
    targets JSONB NOT NULL,
    refused TEXT,
    kept_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (run_id, model)
);
