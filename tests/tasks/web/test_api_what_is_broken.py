"""The pages' way out when the strategies file, a connection or a setting is broken."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.engine import sandbox_strategy
from tests.support.web import STRATEGIES, Site

REASON = {"reason": "seen at the broker"}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The strategies file; the account is on the connection `other_gate`, which only its entry names."""
    path = tmp_path / "strategies.yaml"
    path.write_text(STRATEGIES.replace("id: daily_trading,", "id: daily_trading, venue: other_gate,"))
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(path))
    return path


@pytest.fixture
def there(site: Site, file: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("TRADING_STRATEGIES_FILE", str(file))
    monkeypatch.setenv("AIRFLOW_CONN_OTHER_GATE", os.environ["AIRFLOW_CONN_EXECUTION_GATEWAY"])
    monkeypatch.delenv("AIRFLOW_CONN_EXECUTION_GATEWAY")
    return site


def hold(site: Site) -> None:
    strategy = sandbox_strategy().model_copy(update={"venue": "other_gate"})
    assert site.engine.run("one", strategy).status == "completed"


def shortened() -> str:
    return json.dumps({**json.loads(os.environ["AIRFLOW_CONN_OTHER_GATE"]), "password": "short"})


@pytest.mark.parametrize("text", ["strategies: [ {", STRATEGIES], ids=["broken", "entry gone"])
def test_orders_are_canceled_at_the_connection_that_only_the_ledger_knows(there: Site, file: Path, text: str) -> None:
    there.sandbox.admin.settings(fill_after_seconds=600)
    strategy = sandbox_strategy().model_copy(update={"venue": "other_gate"})
    _, intents = there.engine.plan(there.engine.identity("one"), strategy)
    there.engine.submit_all(intents)
    file.write_text(text)

    response = there.post("/accounts/sandbox/halt", {**REASON, "cancel_open": True})

    assert response.status_code == 200, response.text
    assert [each["done"] for each in response.json()["cancellations"]] == [True] * len(intents)


def test_a_connection_that_cannot_be_used_is_named_with_its_reason(
    there: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(there)
    monkeypatch.setenv("AIRFLOW_CONN_OTHER_GATE", shortened())
    why = "its gateway connection cannot be used: connection 'other_gate': expected a signing secret"

    adopted = there.post("/accounts/sandbox/adopt", {**REASON, "symbol": "XOM"})
    halted = there.post("/accounts/sandbox/halt", {**REASON, "cancel_open": True})

    assert (adopted.status_code, halted.status_code) == (409, 409)
    assert why in adopted.json()["detail"] and why in halted.json()["detail"]
    assert halted.json()["title"] == "Halted, but not everything was canceled"


@pytest.mark.parametrize("broken", ["secret", "text", "file"])
def test_an_account_is_not_taken_off_its_gateway_because_of_a_typo(
    there: Site, file: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(there)
    before = there.get("/accounts/sandbox").json()["gateway"]["address"]
    if broken == "file":
        file.write_text("strategies: [ {")
    else:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER_GATE", shortened() if broken == "secret" else "{")

    response = there.post("/accounts/sandbox/rebind", {**REASON, "same_account": False})

    assert response.status_code == 422
    assert there.get("/accounts/sandbox").json()["gateway"]["address"] == before
    said = {"secret": "expected a signing secret", "text": "AIRFLOW_CONN_OTHER_GATE to be", "file": "holdings"}
    assert said[broken] in response.json()["detail"]


@pytest.mark.parametrize("setting", [("TRADING_LEASE_SECONDS", "abc"), ("TRADING_NOPE", "1")])
def test_an_account_is_shown_and_halted_whatever_the_settings_say(
    there: Site, setting: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(there)
    monkeypatch.setenv(*setting)

    assert there.get("/accounts").json()["accounts"][0]["connection_id"] == "other_gate"
    assert there.get("/accounts/sandbox").status_code == 200
    assert there.post("/accounts/sandbox/halt", REASON).json()["account"]["state"] == "halted"


@pytest.mark.parametrize("symbol", ["aapl", "A B", " KO "])
def test_what_is_no_symbol_is_not_adopted(there: Site, symbol: str) -> None:
    response = there.post("/accounts/sandbox/adopt", {**REASON, "symbol": symbol, "quantity": "5"})

    assert response.status_code == 422
    with there.engine.ledger() as ledger:
        assert ledger.books.baseline("sandbox") == {}


def test_nothing_is_booked_for_a_strategy_that_does_not_exist(there: Site) -> None:
    body = {**REASON, "strategy_id": "nobody", "symbol": "AAPL", "quantity": "833", "against_gateway": True}

    response = there.post("/accounts/sandbox/correct", body)

    assert response.status_code == 422
    assert "got 'nobody'; known are daily_trading" in response.json()["detail"]
