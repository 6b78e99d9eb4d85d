-- Quantities have the nine decimals that a gateway's positions may have.
ALTER TABLE order_intents ALTER COLUMN filled_quantity TYPE NUMERIC(28, 9);
ALTER TABLE baselines ALTER COLUMN quantity TYPE NUMERIC(28, 9);
ALTER TABLE signal_order_mappings
    ALTER COLUMN filled_qty TYPE NUMERIC(28, 9),
    ALTER COLUMN target_quantity TYPE NUMERIC(28, 9),
    ALTER COLUMN held_quantity TYPE NUMERIC(28, 9),
    ALTER COLUMN open_quantity TYPE NUMERIC(28, 9),
    ALTER COLUMN delta_quantity TYPE NUMERIC(28, 9);

-- A gateway may count the fills of each order by itself: a fill is one by its order and its id.
ALTER TABLE fills
    ALTER COLUMN quantity TYPE NUMERIC(28, 9),
    DROP CONSTRAINT fills_account_fill_id_key,
    ADD CONSTRAINT fills_intent_id_fill_id_key UNIQUE (intent_id, fill_id);
DROP INDEX idx_fills_intent;

-- Everything that ever changed what a strategy holds, in signed shares: held is the sum. Append-only.
CREATE TABLE movements (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    mode TEXT NOT NULL,
    symbol TEXT NOT NULL,
    quantity NUMERIC(28, 9) NOT NULL CHECK (quantity <> 0),
    kind TEXT NOT NULL CHECK (kind IN ('fill', 'correction', 'transfer')),
    intent_id BIGINT REFERENCES order_intents (id),
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CHECK (kind <> 'fill' OR intent_id IS NOT NULL)
);
CREATE INDEX idx_movements_account ON movements (account, id);
CREATE INDEX idx_movements_intent ON movements (intent_id);

INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, intent_id, at)
SELECT account, strategy_id, mode, symbol, CASE side WHEN 'buy' THEN filled_quantity ELSE -filled_quantity END,
    'fill', id, COALESCE(final_at, updated_at)
FROM order_intents
WHERE filled_quantity > 0
ORDER BY id;

-- Books what more of an order filled, in the statement that says so: no writer can forget it. The account's row is
-- locked, so that an account's movements get their ids in the order in which they are committed, and whoever holds
-- the lock sees all that there are. Writers lock it before the order's row; here it is only made sure of.
CREATE FUNCTION move_what_filled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more NUMERIC := NEW.filled_quantity - CASE TG_OP WHEN 'INSERT' THEN 0 ELSE OLD.filled_quantity END;
BEGIN
    IF more <> 0 THEN
        PERFORM FROM accounts WHERE account = NEW.account FOR NO KEY UPDATE;
        INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, intent_id)
        VALUES (
            NEW.account, NEW.strategy_id, NEW.mode, NEW.symbol, CASE NEW.side WHEN 'buy' THEN more ELSE -more END,
            'fill', NEW.id
        );
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER order_intents_filled AFTER INSERT ON order_intents
    FOR EACH ROW WHEN (NEW.filled_quantity <> 0) EXECUTE FUNCTION move_what_filled();
CREATE TRIGGER order_intents_filled_more AFTER UPDATE ON order_intents
    FOR EACH ROW WHEN (NEW.filled_quantity <> OLD.filled_quantity) EXECUTE FUNCTION move_what_filled();

CREATE TRIGGER movements_append_only BEFORE UPDATE OR DELETE ON movements
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER movements_never_emptied BEFORE TRUNCATE ON movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
