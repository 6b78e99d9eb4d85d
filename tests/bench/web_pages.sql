INSERT INTO accounts (account) VALUES ('bench');
CREATE TEMP TABLE days AS
SELECT number, md5('plan' || number)::UUID AS plan_id, md5('run' || number)::UUID AS run_id,
       CURRENT_DATE - (%(sessions)s - number)::INTEGER AS day,
       (CURRENT_DATE - (%(sessions)s - number)::INTEGER) + TIME '14:30' AS opened
FROM generate_series(1, %(sessions)s) AS number;
CREATE TEMP TABLE names AS
SELECT number, 'GEN' || lpad(number::TEXT, 3, '0') AS symbol FROM generate_series(1, %(symbols)s) AS number;
INSERT INTO plans (
    plan_id, mode, account, strategy_id, session_date, revision, contract, as_of_date, parameters, window_opens,
    send_until, cutoff_at, state, closed_at, created_by_run, frozen_at
)
SELECT plan_id, 'paper', 'bench', 'daily_trading', day, 1, 'v2', day - 1, '{}', opened, opened + INTERVAL '45 minutes',
       opened + INTERVAL '6 hours', 'closed', opened + INTERVAL '1 minute', run_id, opened
FROM days;
INSERT INTO orchestration_runs (
    run_id, strategy_id, as_of_date, status, symbols, capital, num_signals, num_orders_submitted, num_orders_accepted,
    num_orders_filled, num_orders_planned, started_at, completed_at, duration_seconds, dag_id, airflow_run_id, run_type,
    scheduled_at, account, mode, session_date, revision, window_opens, send_until, cutoff_at, mapped_at, plan_id,
    parameters, code_version, summary
)
SELECT run_id, 'daily_trading', day - 1, 'completed', (SELECT array_agg(symbol) FROM names), 10000000, %(symbols)s,
       %(symbols)s, %(symbols)s, %(symbols)s, %(symbols)s, opened, opened + INTERVAL '9 seconds', 9, 'daily_trading',
       'run-' || number, 'scheduled', opened, 'bench', 'paper', day, 1, opened, opened + INTERVAL '45 minutes',
       opened + INTERVAL '6 hours', opened, plan_id, '{}', 'bench', 'completed'
FROM days ORDER BY number;
INSERT INTO order_intents (
    plan_id, account, strategy_id, mode, slot, client_order_id, symbol, leg, position, side, quantity, price, reduces,
    state, attempt, gateway_order_id, broker_order_id, gateway_status, filled_quantity, filled_avg_price, first_sent_at,
    acknowledged_at, final_at, updated_at
)
SELECT plan_id, 'bench', 'daily_trading', 'paper', 's' || days.number || symbol, 'o' || days.number || symbol, symbol, 1,
       names.number, CASE days.number %% 2 WHEN 1 THEN 'buy' ELSE 'sell' END, 100 + days.number %% 2, 50, FALSE,
       'filled', 1, 'o' || days.number || symbol, 'b' || days.number || symbol, 'filled', 100 + days.number %% 2, 50.01,
       opened, opened, opened, opened
FROM days, names ORDER BY days.number, names.number;
INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, intent_id, at)
SELECT account, strategy_id, mode, symbol, CASE side WHEN 'buy' THEN filled_quantity ELSE -filled_quantity END, 'fill',
       id, final_at
FROM order_intents ORDER BY id;
INSERT INTO signal_order_mappings (
    run_id, symbol, leg, predicted_return, rank, target_weight, client_order_id, order_qty, order_side, order_status,
    filled_qty, filled_avg_price, target_quantity, held_quantity, open_quantity, delta_quantity, price, price_source,
    price_at, price_age_seconds, outcome, rules, reduces
)
SELECT run_id, names.symbol, 1, 0.01, names.number, 0.002, client_order_id, quantity, side, 'filled', filled_quantity,
       filled_avg_price, 100, 0, 0, quantity, 50, 'bench', opened, 1, 'order',
       '[{"code": "order_shares", "outcome": "passed", "value": "100", "limit": "10000", "detail": null}]', FALSE
FROM days JOIN order_intents ON order_intents.plan_id = days.plan_id
JOIN names ON names.symbol = order_intents.symbol
ORDER BY days.number, names.number;
INSERT INTO order_events (intent_id, at, actor, event, from_state, to_state, attempt, detail)
SELECT id, final_at, 'bench', event, NULL, 'filled', 1, '{}'
FROM order_intents, unnest(ARRAY['planned', 'sending', 'acknowledged', 'filled']) AS event
WHERE plan_id = (SELECT plan_id FROM days ORDER BY number DESC LIMIT 1);
INSERT INTO positions (account, quantities)
SELECT 'bench', jsonb_object_agg(symbol, '250') FROM names;
INSERT INTO account_events (account, actor, from_state, to_state, cause, reason)
SELECT 'bench', 'ada', 'active', 'halted', 'person', 'bench' FROM generate_series(1, 500);
INSERT INTO alerts (kind, severity, dedupe_key, strategy_id, account, message, next_step)
SELECT 'rejected', 'warning', 'bench' || number, 'daily_trading', 'bench', 'an alert', 'read it'
FROM generate_series(1, 500) AS number;
INSERT INTO day_books (
    account, strategy_id, mode, session_date, equity_before, flows, result, equity, realised, unrealised, dividends,
    corrected, fees, cash, gross, net, turnover, cost_to_plan, cost_to_close, daily_return, method, symbols,
    movement_id, flow_id, activity_id, actor
)
SELECT 'bench', 'daily_trading', 'paper', day, 10000000, 0, 0, 10000000, 0, 0, 0, 0, 0, 1000000, 9000000, 0, 2500000, 0,
       0, 0.0001, 'average', (
           SELECT jsonb_object_agg(symbol, jsonb_build_object(
               'quantity', '250', 'cost', '12500', 'value', '12500', 'realised', '0', 'unrealised', '0', 'dividends',
               '0', 'corrected', '0', 'turnover', '5000', 'cost_to_plan', '0', 'cost_to_close', '0', 'result', '0',
               'price', '50', 'stale', FALSE, 'lots', '[["250", "12500"]]'::JSONB
           )) FROM names
       ), 0, 0, 0, 'bench'
FROM days ORDER BY number;
