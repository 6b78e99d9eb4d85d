-- What a person put into a strategy's book or took out of it, in USD.
CREATE TABLE flows (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('paper', 'live')),
    amount NUMERIC(20, 2) NOT NULL CHECK (amount <> 0),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idx_flows_book ON flows (account, strategy_id, mode, id);

-- What a venue says of an account's cash besides fills; each under the venue's own id, once.
CREATE TABLE activities (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    venue_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('flow', 'dividend', 'fee', 'interest', 'other')),
    symbol TEXT,
    amount NUMERIC(20, 2) NOT NULL,
    day DATE NOT NULL,
    words TEXT NOT NULL DEFAULT '',
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account, venue_id)
);

-- A strategy's book of one session. The amounts are of that session alone, but for equity, cash, gross and net.
-- movement_id, flow_id, activity_id: how far the other tables were read; what comes later is the next day's.
CREATE TABLE day_books (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('paper', 'live')),
    session_date DATE NOT NULL,
    equity_before NUMERIC(20, 2) NOT NULL,
    flows NUMERIC(20, 2) NOT NULL,
    result NUMERIC(20, 2) NOT NULL,
    equity NUMERIC(20, 2) NOT NULL,
    realised NUMERIC(20, 2) NOT NULL,
    unrealised NUMERIC(20, 2) NOT NULL,
    dividends NUMERIC(20, 2) NOT NULL,
    corrected NUMERIC(20, 2) NOT NULL,
    fees NUMERIC(20, 2) NOT NULL,
    cash NUMERIC(20, 2) NOT NULL,
    gross NUMERIC(20, 2) NOT NULL,
    net NUMERIC(20, 2) NOT NULL,
    turnover NUMERIC(20, 2) NOT NULL,
    cost_to_plan NUMERIC(20, 2) NOT NULL,
    cost_to_close NUMERIC(20, 2) NOT NULL,
    daily_return DOUBLE PRECISION,
    method TEXT NOT NULL CHECK (method IN ('average', 'fifo')),
    stale TEXT[] NOT NULL DEFAULT '{}',
    symbols JSONB NOT NULL,
    movement_id BIGINT NOT NULL,
    flow_id BIGINT NOT NULL,
    activity_id BIGINT NOT NULL,
    actor TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account, strategy_id, mode, session_date),
    CHECK (equity = equity_before + result + flows),
    CHECK (result = realised + unrealised + dividends + corrected - fees)
);
CREATE INDEX idx_day_books_session ON day_books (session_date);

-- What made up a day: fills, cash, and corrections as lines of their own.
CREATE TABLE day_lines (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    day_book_id BIGINT NOT NULL REFERENCES day_books (id),
    kind TEXT NOT NULL CHECK (
        kind IN ('start', 'flow', 'fill', 'price', 'dividend', 'fee', 'split', 'rename', 'quantity', 'transfer')
    ),
    symbol TEXT,
    quantity NUMERIC(28, 9) NOT NULL,
    amount NUMERIC(20, 2) NOT NULL,
    "to" TEXT,
    plan_price NUMERIC(20, 6),
    of_session DATE,
    intent_id BIGINT REFERENCES order_intents (id),
    correction_id BIGINT REFERENCES corrections (id),
    flow_id BIGINT REFERENCES flows (id),
    activity_id BIGINT REFERENCES activities (id),
    words TEXT
);
CREATE INDEX idx_day_lines_day ON day_lines (day_book_id, id);
CREATE INDEX idx_day_lines_intent ON day_lines (intent_id);

-- An account's day where its venue tells what it is worth. unexplained: what no book explains of the difference.
CREATE TABLE account_days (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    session_date DATE NOT NULL,
    equity_before NUMERIC(20, 2),
    equity NUMERIC(20, 2) NOT NULL,
    cash NUMERIC(20, 2) NOT NULL,
    result NUMERIC(20, 2) NOT NULL,
    others NUMERIC(20, 2) NOT NULL,
    flows NUMERIC(20, 2) NOT NULL,
    unexplained NUMERIC(20, 2),
    activity_id BIGINT NOT NULL,
    prices JSONB NOT NULL DEFAULT '{}',
    words TEXT NOT NULL DEFAULT '',
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (account, session_date),
    CHECK (unexplained = equity - equity_before - result - others - flows)
);

-- What companies announced, as the market data service tells it; an announcement that changed is a row more.
CREATE TABLE corporate_actions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    symbol TEXT NOT NULL,
    new_symbol TEXT,
    ratio NUMERIC(28, 12) CHECK (ratio > 0),
    cash NUMERIC(20, 9),
    ex_date DATE NOT NULL,
    payable_date DATE,
    raw JSONB NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (vendor_id, symbol, raw)
);
CREATE INDEX idx_corporate_actions_symbol ON corporate_actions (symbol, ex_date);

-- What became of an announcement for one holding: the newest row is the state it is in.
CREATE TABLE corporate_action_events (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action_id BIGINT NOT NULL REFERENCES corporate_actions (id),
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('proposed', 'blocked', 'applied', 'dismissed')),
    words TEXT NOT NULL,
    correction_id BIGINT REFERENCES corrections (id),
    actor TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX idx_corporate_action_events ON corporate_action_events (account, strategy_id, action_id, id DESC);

DO $$
DECLARE
    its_table TEXT;
BEGIN
    FOREACH its_table IN ARRAY ARRAY[
        'flows', 'activities', 'day_books', 'day_lines', 'account_days', 'corporate_actions', 'corporate_action_events'
    ] LOOP
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE UPDATE OR DELETE ON %I FOR EACH ROW EXECUTE FUNCTION refuse_change()',
            its_table || '_append_only', its_table
        );
        EXECUTE format(
            'CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
            its_table || '_never_emptied', its_table
        );
        IF its_table <> 'day_lines' THEN
            EXECUTE format(
                'CREATE TRIGGER %I BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION happens_now()',
                its_table || '_now', its_table
            );
        END IF;
    END LOOP;
END $$;
