-- A run keeps the plan it has: what was decided, planned with and planned from is frozen while the run names its plan.
CREATE FUNCTION refuse_other_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'run % has the plan %, and keeps it', OLD.run_id, OLD.plan_id
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER runs_keep_their_plan BEFORE UPDATE ON orchestration_runs
    FOR EACH ROW WHEN (OLD.plan_id IS NOT NULL AND OLD.plan_id IS DISTINCT FROM NEW.plan_id)
    EXECUTE FUNCTION refuse_other_plan();

-- What a shadow of a frozen plan would have held stays. A note that it has none gives way: of two tries of map_orders the
-- second may write that the first was lost, and the first may come after it.
CREATE FUNCTION refuse_other_shadows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM orchestration_runs WHERE run_id = OLD.run_id AND plan_id IS NOT NULL) THEN
        RAISE EXCEPTION 'the plan of run % is frozen: what % would have held stays', OLD.run_id, OLD.model
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER shadow_sizings_stay BEFORE UPDATE OR DELETE ON shadow_sizings
    FOR EACH ROW WHEN (OLD.refused IS NULL) EXECUTE FUNCTION refuse_other_shadows();

-- A closed plan keeps why and when it was closed, too, and when is the database's word.
CREATE FUNCTION refuse_another_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'plan % was closed at % (%), and that stays', OLD.plan_id, OLD.closed_at, OLD.closed_reason
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER plans_stay_as_they_ended BEFORE UPDATE ON plans
    FOR EACH ROW WHEN (
        OLD.state = 'closed' AND NEW.state = 'closed'
        AND (OLD.closed_reason, OLD.closed_at) IS DISTINCT FROM (NEW.closed_reason, NEW.closed_at)
    )
    EXECUTE FUNCTION refuse_another_end();
CREATE FUNCTION closed_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.closed_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER plans_closed_now BEFORE UPDATE ON plans
    FOR EACH ROW WHEN (OLD.state <> 'closed' AND NEW.state = 'closed') EXECUTE FUNCTION closed_now();

-- The ways between an order's states, as in include/trading/order/states.py; a test compares the two.
CREATE FUNCTION order_may_become(was TEXT, becomes TEXT) RETURNS BOOLEAN LANGUAGE sql IMMUTABLE AS $$
    SELECT becomes = ANY (
        CASE
            WHEN was IN ('planned', 'denied', 'not_sent') THEN ARRAY[
                'open', 'unknown', 'rejected', 'failed', 'blocked_kill_switch', 'blocked_circuit_breaker', 'filled',
                'canceled', 'expired', 'done_for_day', 'replaced', 'dry_run'
            ] || CASE was WHEN 'planned' THEN ARRAY['sending', 'denied', 'not_sent'] ELSE ARRAY[]::TEXT[] END
            WHEN was IN ('sending', 'unknown', 'open') THEN ARRAY[
                'rejected', 'failed', 'blocked_kill_switch', 'blocked_circuit_breaker', 'filled', 'canceled', 'expired',
                'done_for_day', 'replaced', 'dry_run'
            ] || CASE was
                WHEN 'sending' THEN ARRAY['open', 'unknown', 'planned', 'denied']
                WHEN 'unknown' THEN ARRAY['open', 'planned', 'not_sent']
                ELSE ARRAY[]::TEXT[]
            END
            WHEN was IN ('rejected', 'failed', 'blocked_kill_switch', 'blocked_circuit_breaker')
                THEN ARRAY['open', 'filled', 'canceled', 'expired', 'done_for_day', 'replaced']
            WHEN was IN ('canceled', 'expired', 'done_for_day', 'replaced') THEN ARRAY['filled', 'open']
            ELSE ARRAY[]::TEXT[]
        END
    )
$$;

-- What is known of an order is not taken back, and an order begins as one that nothing was done to yet.
CREATE FUNCTION refuse_to_undo_an_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    problem TEXT := CASE
        WHEN TG_OP = 'INSERT' THEN
            CASE WHEN (NEW.state, NEW.attempt, NEW.filled_quantity) <> ('planned', 0, 0)
                 THEN 'begins as planned, not sent and not filled' END
        WHEN NEW.state <> OLD.state AND NOT order_may_become(OLD.state, NEW.state)
            THEN format('is %s, and does not become %s', OLD.state, NEW.state)
        WHEN NEW.attempt < OLD.attempt
            THEN format('was sent %s times, and not only %s times', OLD.attempt, NEW.attempt)
        WHEN NEW.version < OLD.version
            THEN format('is at version %s, and does not go back to %s', OLD.version, NEW.version)
        WHEN NEW.filled_quantity < OLD.filled_quantity
            THEN format('filled %s, and not only %s', OLD.filled_quantity, NEW.filled_quantity)
        -- A venue that makes its own ids may have the order under another one as well, of another day. Ours stays.
        WHEN NEW.gateway_order_id IS DISTINCT FROM OLD.gateway_order_id
            AND (NEW.gateway_order_id IS NULL OR OLD.gateway_order_id = OLD.client_order_id)
            THEN format('is %s at the venue, and that stays', OLD.gateway_order_id)
        WHEN NEW.first_sent_at IS DISTINCT FROM OLD.first_sent_at AND OLD.first_sent_at IS NOT NULL
            THEN format('was first sent at %s, and that stays', OLD.first_sent_at)
        WHEN NEW.acknowledged_at IS DISTINCT FROM OLD.acknowledged_at AND OLD.acknowledged_at IS NOT NULL
            THEN format('was acknowledged at %s, and that stays', OLD.acknowledged_at)
        WHEN NEW.final_at IS DISTINCT FROM OLD.final_at AND OLD.final_at IS NOT NULL AND NEW.state = OLD.state
            THEN format('was %s at %s, and that stays', OLD.state, OLD.final_at)
    END;
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'order % %', NEW.client_order_id, problem USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_intents_are_not_undone BEFORE INSERT OR UPDATE ON order_intents
    FOR EACH ROW EXECUTE FUNCTION refuse_to_undo_an_order();

-- When a POST began is the time that the gate judged by, read under the account's lock a moment before. One that is older
-- than a session may stand still in a transaction (idle_in_transaction_session_timeout), or that is to come, is not kept.
-- Only who owns the tables may move the clock, as tests and the demo's sessions of before today do.
CREATE FUNCTION attempted_now() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    now_is TIMESTAMPTZ := clock_timestamp();
BEGIN
    IF NEW.started_at NOT BETWEEN now_is - INTERVAL '5 seconds' AND now_is
        AND NOT pg_has_role((SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER')
    THEN
        NEW.started_at := now_is;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_attempts_now BEFORE INSERT ON order_attempts FOR EACH ROW EXECUTE FUNCTION attempted_now();

CREATE FUNCTION started_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.started_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER run_steps_now BEFORE INSERT ON run_steps FOR EACH ROW EXECUTE FUNCTION started_now();
CREATE FUNCTION found_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.found_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER breaks_now BEFORE INSERT ON breaks FOR EACH ROW EXECUTE FUNCTION found_now();
CREATE FUNCTION first_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.first_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER alerts_now BEFORE INSERT ON alerts FOR EACH ROW EXECUTE FUNCTION first_now();
CREATE FUNCTION frozen_now() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.frozen_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER plans_now BEFORE INSERT ON plans FOR EACH ROW EXECUTE FUNCTION frozen_now();
