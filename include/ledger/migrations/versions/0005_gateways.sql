-- An account's name as a connection gives it has no blanks around it any more. What was written under such a name is
-- moved to the name without them, unless the ledger has both: then nothing says that they are one account.
DO $$
DECLARE
    old TEXT;
    its_table TEXT;
BEGIN
    ALTER TABLE account_events DISABLE TRIGGER account_events_append_only;
    FOR old IN
        SELECT account FROM accounts AS one
        WHERE account <> btrim(account) AND btrim(account) <> ''
          AND NOT EXISTS (
              SELECT FROM accounts AS other WHERE other.account <> one.account AND btrim(other.account) = btrim(one.account)
          )
    LOOP
        INSERT INTO accounts SELECT (jsonb_populate_record(one, jsonb_build_object('account', btrim(old)))).*
        FROM accounts AS one WHERE account = old;
        FOREACH its_table IN ARRAY ARRAY[
            'account_events', 'plans', 'orchestration_runs', 'order_intents', 'order_attempts', 'fills', 'positions',
            'baselines', 'breaks', 'alerts'
        ] LOOP
            EXECUTE format('UPDATE %I SET account = btrim(account) WHERE account = $1', its_table) USING old;
        END LOOP;
        DELETE FROM accounts WHERE account = old;
    END LOOP;
    ALTER TABLE account_events ENABLE TRIGGER account_events_append_only;
END $$;

-- Which gateway an account's orders are at. Written at the first contact, changed by a person alone, who makes a new
-- binding: what an answer from one binding says of an order that was sent under another is not proof of absence.
ALTER TABLE accounts
    ADD COLUMN gateway_address TEXT,
    ADD COLUMN gateway_strategy_id TEXT,
    ADD COLUMN gateway_broker_url TEXT,
    ADD COLUMN gateway_version TEXT,
    ADD COLUMN binding INTEGER NOT NULL DEFAULT 1 CHECK (binding >= 1),
    ADD COLUMN environment TEXT CHECK (environment IN ('paper', 'live'));

-- Paper and live are two accounts. An account whose plans are of both stays open to both.
UPDATE accounts SET environment = one_mode.mode
FROM (
    SELECT account, min(mode) AS mode FROM plans WHERE mode IN ('paper', 'live')
    GROUP BY account HAVING count(DISTINCT mode) = 1
) AS one_mode
WHERE one_mode.account = accounts.account;

-- One account of the ledger for one account of the broker: a second one would begin with an empty book.
CREATE UNIQUE INDEX idx_accounts_gateway ON accounts (gateway_address, environment)
    WHERE gateway_address <> 'released';

ALTER TABLE plans ADD COLUMN gateway JSONB NOT NULL DEFAULT '{}';
ALTER TABLE order_attempts
    ADD COLUMN gateway JSONB NOT NULL DEFAULT '{}',
    ADD COLUMN binding INTEGER NOT NULL DEFAULT 1 CHECK (binding >= 1);

-- Why the whole ledger counts as restored: until a person says that this is over, every new account starts halted.
ALTER TABLE ledger_identity ADD COLUMN restored TEXT;
