-- The capital of a run is known when it is planned, where it is a share of the account's equity; then it stays.
ALTER TABLE orchestration_runs ALTER COLUMN capital DROP NOT NULL;
CREATE FUNCTION refuse_other_capital() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the plan of run % is frozen: its capital stays %', OLD.run_id, OLD.capital
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER runs_keep_their_capital BEFORE UPDATE ON orchestration_runs
    FOR EACH ROW WHEN (OLD.plan_id IS NOT NULL AND OLD.capital IS DISTINCT FROM NEW.capital)
    EXECUTE FUNCTION refuse_other_capital();
