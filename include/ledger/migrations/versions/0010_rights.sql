-- What happened is never changed, taken away or emptied, by whoever is logged in.
CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'integrity_constraint_violation';
END $$;
DO $$
DECLARE
    its_table TEXT;
BEGIN
    FOREACH its_table IN ARRAY ARRAY[
        'account_events', 'baselines', 'corrections', 'fills', 'movements', 'order_attempts', 'order_events', 'positions'
    ] LOOP
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            its_table || '_append_only', its_table
        );
        EXECUTE format(
            'CREATE OR REPLACE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
            its_table || '_never_emptied', its_table
        );
    END LOOP;
END $$;

-- When it happened is the database's word: a date that comes with the row is not kept.
CREATE FUNCTION happens_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER account_events_now BEFORE INSERT ON account_events FOR EACH ROW EXECUTE FUNCTION happens_now();
CREATE TRIGGER corrections_now BEFORE INSERT ON corrections FOR EACH ROW EXECUTE FUNCTION happens_now();
CREATE TRIGGER movements_now BEFORE INSERT ON movements FOR EACH ROW EXECUTE FUNCTION happens_now();
CREATE TRIGGER order_events_now BEFORE INSERT ON order_events FOR EACH ROW EXECUTE FUNCTION happens_now();
CREATE FUNCTION adopted_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.adopted_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER baselines_now BEFORE INSERT ON baselines FOR EACH ROW EXECUTE FUNCTION adopted_now();
CREATE FUNCTION booked_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.booked_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER fills_now BEFORE INSERT ON fills FOR EACH ROW EXECUTE FUNCTION booked_now();
CREATE FUNCTION queried_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.queried_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER positions_now BEFORE INSERT ON positions FOR EACH ROW EXECUTE FUNCTION queried_now();

-- A closed plan stays closed: its orders were counted on not to be sent.
CREATE FUNCTION refuse_to_reopen() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'plan % is closed (%), and is not opened again', OLD.plan_id, OLD.closed_reason
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER plans_stay_closed BEFORE UPDATE ON plans
    FOR EACH ROW WHEN (OLD.state = 'closed' AND NEW.state <> 'closed') EXECUTE FUNCTION refuse_to_reopen();

-- Only a replay is written anew as a whole, and only what was decided for a run without a frozen plan.
CREATE FUNCTION refuse_to_delete_a_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'run % is of mode %: only a replay is written anew', OLD.run_id, OLD.mode
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER runs_stay BEFORE DELETE ON orchestration_runs
    FOR EACH ROW WHEN (OLD.mode <> 'replay') EXECUTE FUNCTION refuse_to_delete_a_run();
CREATE FUNCTION refuse_to_delete_decisions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orchestration_runs WHERE run_id = OLD.run_id AND plan_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the plan of run % is frozen: what it decided of % stays', OLD.run_id, OLD.symbol
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER mappings_stay BEFORE DELETE ON signal_order_mappings
    FOR EACH ROW EXECUTE FUNCTION refuse_to_delete_decisions();
