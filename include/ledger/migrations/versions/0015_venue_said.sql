-- What the account's venue said of itself, to which login, and when it was asked: one request serves several tasks.
ALTER TABLE accounts ADD COLUMN venue_said JSONB, ADD COLUMN venue_said_at TIMESTAMPTZ;
