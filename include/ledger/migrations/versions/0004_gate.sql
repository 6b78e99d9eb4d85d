-- By state first: few of an account's orders are without an outcome, and a planner that has not counted a new ledger's
-- rows would look through all that the account has.
DROP INDEX idx_order_intents_live;
CREATE INDEX idx_order_intents_live ON order_intents (state, account)
    WHERE state IN ('planned', 'sending', 'unknown', 'open');

-- Since when the account's oldest order has been without a known outcome, NULL if none is.
CREATE FUNCTION unresolved_since(its_account TEXT, now_is TIMESTAMPTZ) RETURNS TIMESTAMPTZ LANGUAGE plpgsql AS $$
BEGIN
    RETURN (
        WITH unresolved AS MATERIALIZED (
            SELECT account, state, unknown_since, lease_until FROM order_intents WHERE state IN ('unknown', 'sending')
        )
        SELECT min(COALESCE(unknown_since, lease_until)) FROM unresolved
        WHERE account = its_account AND (state = 'unknown' OR lease_until <= now_is)
    );
END $$;

-- Locks an order for the gate, in the order that all workers keep to: account, plan, order. Then looks at the time and
-- at the account's other orders. Volatile, as functions are: each statement sees what was committed before it began, so
-- the last ones see what a worker stored that the first one waited for.
--
-- pace_reached_at: when the POST was that is `per_minute` back from now, if that is in the window; none without a pace.
CREATE FUNCTION lock_order(
    its_account TEXT, its_plan UUID, its_id TEXT, clock_offset INTERVAL, pace_window INTERVAL, per_minute INTEGER
)
RETURNS TABLE (
    account_row accounts, plan_state TEXT, order_row order_intents,
    now_is TIMESTAMPTZ, since TIMESTAMPTZ, pace_reached_at TIMESTAMPTZ
)
LANGUAGE plpgsql AS $$
BEGIN
    -- NO KEY: it keeps out all that lock or change the row, but not rows that refer to it. FOR UPDATE would make a fill
    -- too, which is booked with its order's row in hand, wait for the account, and that is the wrong way round.
    SELECT * INTO account_row FROM accounts WHERE account = its_account FOR NO KEY UPDATE;
    SELECT state INTO plan_state FROM plans WHERE plan_id = its_plan FOR UPDATE;
    SELECT * INTO order_row FROM order_intents WHERE client_order_id = its_id FOR UPDATE;
    now_is := clock_timestamp() + clock_offset;
    since := unresolved_since(its_account, now_is);
    SELECT started_at INTO pace_reached_at FROM order_attempts
    WHERE account = its_account AND started_at > now_is - pace_window AND per_minute IS NOT NULL
    ORDER BY started_at DESC OFFSET per_minute - 1 LIMIT 1;
    RETURN NEXT;
END $$;
