# Thin lines over include/run.py, which does the same where make is missing: python3 include/run.py demo
PYTHON ?= python3
RUN = @$(PYTHON) include/run.py
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Trade one session against the sandbox on a real Airflow and stay up (ONCE=1: stop after it; VENUE=alpaca)
	$(RUN) demo $(if $(filter-out 0,$(ONCE)),--once) $(if $(VENUE),--venue $(VENUE))

.PHONY: paper
paper: ## Trade WEIGHTS=my.csv on your Alpaca paper account, every session (DATED, POSITIONS, YES=1, ONCE=1)
	$(RUN) paper $(if $(WEIGHTS),--weights "$(WEIGHTS)") $(if $(DATED),--dated $(DATED)) $(if $(POSITIONS),--positions $(POSITIONS)) \
		$(if $(filter-out 0,$(YES)),--yes) $(if $(filter-out 0,$(ONCE)),--once)

.PHONY: ops
ops: ## Look and act as the person on duty, by default on the running demo (ARGS="orders --events")
	$(RUN) ops $(ARGS)

.PHONY: test
test: ## Run all tests (ARGS="-k sizing -x" go to pytest)
	$(RUN) test $(ARGS)

.PHONY: test-fast
test-fast: ## Run the unit tests: seconds, neither Airflow nor PostgreSQL
	$(RUN) test-fast $(ARGS)

.PHONY: test-next
test-next: ## Run the unit and task tests on the newest Airflow 3.4, a pre-release included (minutes)
	$(RUN) test-next $(ARGS)

.PHONY: contract-test
contract-test: ## Run the suite that every venue must pass (ALPACA=paper: one far limit order on your paper account)
	$(RUN) contract-test $(if $(ALPACA),--alpaca $(ALPACA)) $(ARGS)

.PHONY: head-to-head
head-to-head: ## Send 20 orders under faults by Alpaca's own client, and by ours: what the broker has of each
	$(RUN) head-to-head $(ARGS)

.PHONY: chaos
chaos: ## Kill workers under every fault, break every guard, write docs/reliability.md (SEEDS=100)
	$(RUN) chaos --seeds $(or $(SEEDS),36) --mutations --write $(ARGS)

.PHONY: model-check
model-check: ## Visit every state of a small session, then break every guard, write docs/reliability.md
	$(RUN) model-check --write $(ARGS)

.PHONY: backfill-proof
backfill-proof: ## Backfill 250 sessions on a real Airflow, count the POSTs (ARGS="--sessions 20 --no-docs")
	$(RUN) backfill-proof $(ARGS)

.PHONY: sizing-proof
sizing-proof: ## Backfill 250 sessions with each sizing on a real Airflow, twice, compare (ARGS="--sessions 20 --no-docs")
	$(RUN) sizing-proof $(ARGS)

.PHONY: bench
bench: ## Time runs against a DAG that does nothing, write docs/performance.md (ARGS="--only 5 engine")
	$(RUN) bench $(ARGS)

.PHONY: screenshots
screenshots: ## Take the README's pictures again on a real Airflow (needs Chromium)
	$(RUN) screenshots

.PHONY: check
check: ## Run linters, type checker and import contracts
	$(RUN) check

.PHONY: lock
lock: ## Lock the packages of requirements*.in again (ARGS=--upgrade takes newer ones)
	$(RUN) lock $(ARGS)

.PHONY: openapi
openapi: ## Write docs/openapi.json, the description of the HTTP API
	$(RUN) openapi

.PHONY: env
env: ## Write the .env of docker compose with new secrets (one that is there stays)
	$(RUN) env

.PHONY: compose-test
compose-test: ## Start the compose file on a Docker of its own and trade in it (ARGS=--real: on yours)
	$(RUN) compose-test $(ARGS)

.PHONY: celery-test
celery-test: ## Trade on CeleryExecutor with two workers and kill one (needs redis-server)
	$(RUN) celery-test $(ARGS)
