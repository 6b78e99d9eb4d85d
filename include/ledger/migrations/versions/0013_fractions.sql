-- Orders may be for parts of a share. What was whole stays the same number.
ALTER TABLE order_intents ALTER COLUMN quantity TYPE NUMERIC(20, 9);
ALTER TABLE signal_order_mappings ALTER COLUMN order_qty TYPE NUMERIC(20, 9);
