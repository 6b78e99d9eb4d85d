-- Where a run's signals came from, with the hash by which they are known again, and how they changed since it planned.
ALTER TABLE orchestration_runs ADD COLUMN signal_origin JSONB;
