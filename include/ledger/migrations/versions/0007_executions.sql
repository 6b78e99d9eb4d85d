-- Where the gateway tells a quantity without its executions, a part of our own making stands in for them. It gives way to
-- the real ones by an execution of the opposite quantity; and what filled without a price counts all the same.
ALTER TABLE fills
    DROP CONSTRAINT fills_quantity_check,
    ADD CONSTRAINT fills_quantity_check CHECK (quantity <> 0),
    ALTER COLUMN price DROP NOT NULL;
