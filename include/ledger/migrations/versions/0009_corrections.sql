-- What a person corrected of what a strategy holds. Append-only: undone by a row that names the one it undoes.
CREATE TABLE corrections (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL REFERENCES accounts (account),
    strategy_id TEXT NOT NULL,
    symbol TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('ratio', 'quantity', 'rename', 'fill', 'move', 'undo')),
    detail JSONB NOT NULL,
    against_gateway BOOLEAN NOT NULL,
    undoes BIGINT UNIQUE REFERENCES corrections (id),
    actor TEXT NOT NULL,
    reason TEXT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    CHECK ((kind = 'undo') = (undoes IS NOT NULL))
);
CREATE INDEX idx_corrections_account ON corrections (account, id);
CREATE TRIGGER corrections_append_only BEFORE UPDATE OR DELETE ON corrections
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER corrections_never_emptied BEFORE TRUNCATE ON corrections
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE movements
    ADD COLUMN correction_id BIGINT REFERENCES corrections (id),
    ADD CHECK ((kind = 'fill') = (correction_id IS NULL));
CREATE INDEX idx_movements_correction ON movements (correction_id);

-- As before; and what a person booked by hand on the order gives way to what the gateway then says it filled, so that
-- the same shares are never held twice.
CREATE OR REPLACE FUNCTION move_what_filled() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more NUMERIC := NEW.filled_quantity - CASE TG_OP WHEN 'INSERT' THEN 0 ELSE OLD.filled_quantity END;
    sign INTEGER := CASE NEW.side WHEN 'buy' THEN 1 ELSE -1 END;
    by_hand RECORD;
    gives_way NUMERIC;
BEGIN
    IF more = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM FROM accounts WHERE account = NEW.account FOR NO KEY UPDATE;
    INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, intent_id)
    VALUES (NEW.account, NEW.strategy_id, NEW.mode, NEW.symbol, sign * more, 'fill', NEW.id);
    FOR by_hand IN
        SELECT COALESCE(corrections.undoes, corrections.id) AS correction_id, sign * sum(movements.quantity) AS quantity
        FROM movements JOIN corrections ON corrections.id = movements.correction_id
        WHERE movements.intent_id = NEW.id
        GROUP BY COALESCE(corrections.undoes, corrections.id)
        HAVING sign * sum(movements.quantity) > 0
        ORDER BY 1
    LOOP
        gives_way := LEAST(more, by_hand.quantity);
        EXIT WHEN gives_way <= 0;
        INSERT INTO movements (account, strategy_id, mode, symbol, quantity, kind, intent_id, correction_id)
        VALUES (
            NEW.account, NEW.strategy_id, NEW.mode, NEW.symbol, -sign * gives_way, 'correction', NEW.id,
            by_hand.correction_id
        );
        more := more - gives_way;
    END LOOP;
    RETURN NULL;
END $$;
