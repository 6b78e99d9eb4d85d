"""The steps of a run: each takes ready clients and the ledger, decides with `include.trading`, records, returns."""
