-- Run once, by the postgres image, on an empty data volume: two databases, and who may do what.
-- Airflow's and the ledger's are apart: neither side can read or break the other's.
\getenv airflow_password AIRFLOW_DB_PASSWORD
\getenv owner_password LEDGER_OWNER_PASSWORD
\getenv tasks_password LEDGER_PASSWORD

CREATE ROLE airflow LOGIN PASSWORD :'airflow_password';
CREATE DATABASE airflow OWNER airflow;
REVOKE ALL ON DATABASE airflow FROM PUBLIC;

-- Owns the ledger's tables; only the migration job logs in with it.
CREATE ROLE trading_owner LOGIN PASSWORD :'owner_password';
-- What tasks log in with. `python -m include.ops migrate --grant trading` gives it what they need, and no more.
CREATE ROLE trading LOGIN PASSWORD :'tasks_password';
CREATE DATABASE trading OWNER trading_owner;
REVOKE ALL ON DATABASE trading FROM PUBLIC;
GRANT CONNECT ON DATABASE trading TO trading;
