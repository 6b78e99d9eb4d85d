-- A plan may be frozen for any venue, not only for a gateway of two contracts: the adapters know which there are.
ALTER TABLE plans DROP CONSTRAINT plans_contract_check;
ALTER TABLE plans ADD CONSTRAINT plans_contract_check CHECK (contract <> '');
