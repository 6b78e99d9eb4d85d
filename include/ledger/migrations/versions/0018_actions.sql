-- An announcement that the market data service does not tell any more is a row more, and so is one that is told again.
ALTER TABLE corporate_actions ADD COLUMN withdrawn BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE corporate_actions DROP CONSTRAINT corporate_actions_vendor_id_symbol_raw_key;
CREATE INDEX idx_corporate_actions_vendor_id ON corporate_actions (vendor_id, symbol, id DESC);
CREATE INDEX idx_corporate_action_events_correction ON corporate_action_events (correction_id);
