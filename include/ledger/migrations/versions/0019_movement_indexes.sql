-- A symbol's history, and the symbols a strategy ever held.
CREATE INDEX idx_movements_symbol ON movements (strategy_id, symbol, id);
-- What corrections made of a book; fills, which are nearly all there is, are not in it.
CREATE INDEX idx_movements_corrected ON movements (account, symbol) WHERE kind <> 'fill';
