"""What `make paper` decides before anything starts: keys, the strategies file, and what it says about time."""

from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from include.adapters.connection import ConnectionParts
from include.adapters.venues.registry import venue_at
from include.launcher.errors import CannotRun
from include.launcher.paper_account import PAPER, PaperAccount, paper_account
from include.launcher.paper_strategy import paper_strategy, settings_of
from include.launcher.paper_watch import may_send, slept, when
from include.trading.calendar.sessions import trading_calendar
from include.trading.strategy.spec import Strategy

KEYS = {"APCA_API_KEY_ID": "id", "APCA_API_SECRET_KEY": "secret"}
ALPACA = PaperAccount("id", "secret", PAPER, "https://data.alpaca.markets")
EMULATOR = PaperAccount("id", "secret", "http://127.0.0.1:8005", "http://127.0.0.1:8005")
CALENDAR = trading_calendar("XNYS", today=datetime(2026, 11, 20, tzinfo=UTC).date())


def never(question: str) -> str:
    raise AssertionError(f"nothing is to be asked, it asked {question}")


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


# ── the account ──


def test_the_vendors_own_variables_are_the_keys_and_are_not_kept(tmp_path: Path) -> None:
    account = paper_account(KEYS, tmp_path / "keys.json", never)

    assert (account, account.emulated) == (ALPACA, False)
    assert not (tmp_path / "keys.json").exists()
    assert "secret" not in repr(account).replace("secret=", "")


def test_keys_that_were_asked_for_are_kept_for_their_owner_alone(tmp_path: Path) -> None:
    kept, answers = tmp_path / "keys.json", iter(["id", " secret "])

    asked = paper_account({}, kept, lambda _: next(answers))

    assert asked == paper_account({}, kept, never) == ALPACA
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"APCA_API_KEY_ID": "id"}, "only one is set"),
        (KEYS | {"APCA_API_BASE_URL": "https://api.alpaca.markets"}, "live account"),
        (KEYS | {"APCA_API_BASE_URL": "https://api.alpaca.markets/v2"}, "live account"),
        (KEYS | {"APCA_API_BASE_URL": "https://API.alpaca.markets:443"}, "live account"),
        ({}, "Both keys are needed"),
    ],
)
def test_a_live_account_and_half_a_key_are_refused(given: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match=said):
        paper_account(given, tmp_path / "keys.json", lambda _: "")

    assert not (tmp_path / "keys.json").exists()


def test_its_connections_lead_to_alpacas_paper_account_or_to_the_emulator(tmp_path: Path) -> None:
    emulated = paper_account(KEYS | {"APCA_API_BASE_URL": "http://127.0.0.1:8005/v2"}, tmp_path / "k", never)

    found = {
        account: venue_at(ConnectionParts.from_environment("alpaca_paper", account.connections))
        for account in (ALPACA, emulated)
    }
    assert emulated == EMULATOR
    assert [(venue.account, venue.connection.address) for venue in found.values()] == [
        ("alpaca-paper", f"{PAPER}:443"),
        ("alpaca-emulator", "http://127.0.0.1:8005"),
    ]
    assert json.loads(ALPACA.connections["AIRFLOW_CONN_MARKET_DATA"])["host"] == "https://data.alpaca.markets"


# ── the strategy ──


def weights(folder: Path, name: str = "w.csv", text: str = "ticker,weight\nAAPL,0.5\n") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_a_file_without_a_date_is_asked_about_and_becomes_one_paper_strategy(tmp_path: Path) -> None:
    file, asked = tmp_path / "strategies.yaml", []

    strategy = paper_strategy(file, weights(tmp_path), ALPACA, None, lambda text: asked.append(text) or "fresh\n")

    assert len(asked) == 1
    assert (strategy.id, strategy.mode, strategy.venue, strategy.schedule) == (
        "my_weights",
        "paper",
        "alpaca_paper",
        "session",
    )
    assert strategy.signals.written("json")["file"]["path"] == str(tmp_path / "w.csv")
    assert (strategy.market_hours, strategy.sandbox_only) == (True, False)
    before = file.read_text()
    assert paper_strategy(file, None, ALPACA, "standing", never) == strategy
    assert file.read_text() == before


def test_a_file_with_dates_needs_no_question_and_an_emulator_has_no_hours(tmp_path: Path) -> None:
    dated = weights(tmp_path, text="date,ticker,weight\n2026-11-20,AAPL,0.5\n")

    strategy = paper_strategy(tmp_path / "strategies.yaml", dated, EMULATOR, None, never)

    assert (strategy.market_hours, strategy.sandbox_only) == (False, True)


def test_another_file_of_weights_names_the_line_to_change_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    paper_strategy(file, weights(tmp_path), ALPACA, "standing", never)
    before = file.read_text()

    with pytest.raises(CannotRun) as refused:
        paper_strategy(file, weights(tmp_path, "other.csv"), ALPACA, None, never)

    line = int(str(refused.value).rpartition("in line ")[2].partition(".")[0])
    assert str(tmp_path / "w.csv") in before.splitlines()[line - 1]
    assert str(tmp_path / "other.csv") in str(refused.value)
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", "expected"),
        ("ticker,price\nAAPL,5\n", "price"),
        ("ticker,weight\nAAPL,lots\n", "lots"),
    ],
)
def test_a_file_without_weights_writes_no_strategy(text: str | None, said: str, tmp_path: Path) -> None:
    file = tmp_path / "missing.csv" if text is None else weights(tmp_path, text=text)

    with pytest.raises(CannotRun, match=said):
        paper_strategy(tmp_path / "strategies.yaml", file, ALPACA, None, never)

    assert not (tmp_path / "strategies.yaml").exists()


def test_no_answer_is_no_meaning(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="standing or fresh, found ''"):
        paper_strategy(tmp_path / "strategies.yaml", weights(tmp_path), ALPACA, None, lambda _: "")

    assert not (tmp_path / "strategies.yaml").exists()


@pytest.mark.parametrize(("edit", "said"), [(("paper\n", "live\n"), "is live"), (("session", "noon"), "no strategy")])
def test_a_strategy_that_was_changed_to_live_or_is_broken_is_refused(
    edit: tuple[str, str], said: str, tmp_path: Path
) -> None:
    file = tmp_path / "strategies.yaml"
    paper_strategy(file, weights(tmp_path), ALPACA, "standing", never)
    file.write_text(file.read_text().replace(*edit, 1))

    with pytest.raises(CannotRun, match=said):
        paper_strategy(file, None, ALPACA, None, never)


def test_a_strategy_of_the_emulator_is_not_taken_to_alpaca(tmp_path: Path) -> None:
    file = tmp_path / "strategies.yaml"
    paper_strategy(file, weights(tmp_path), EMULATOR, "standing", never)

    with pytest.raises(CannotRun, match="was written for an emulator"):
        paper_strategy(file, None, ALPACA, None, never)


def test_without_a_strategy_a_file_of_weights_is_needed(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="make paper WEIGHTS="):
        paper_strategy(tmp_path / "strategies.yaml", None, ALPACA, None, never)


# ── time ──


@pytest.fixture
def strategy(tmp_path: Path) -> Strategy:
    settings = settings_of(tmp_path / "w.csv", ALPACA, "standing")
    return Strategy.model_validate(settings)


@pytest.mark.parametrize(
    ("now", "may"),
    [(at(20, 14), False), (at(20, 14, 30), True), (at(20, 20, 44), True), (at(20, 20, 50), False), (at(21, 15), False)],
)
def test_it_trades_at_once_only_in_the_session(strategy: Strategy, now: datetime, may: bool) -> None:
    assert may_send(strategy, now) is may
    assert may_send(strategy.model_copy(update={"market_hours": False}), now)


def test_it_says_when_it_trades_next(strategy: Strategy) -> None:
    assert "trades next at Friday 2026-11-27 14:30 UTC" in when(strategy, at(25, 22))
    assert "by hand or when its signals arrive" in when(strategy.model_copy(update={"schedule": None}), at(25, 22))


def test_a_machine_that_slept_names_every_session_that_it_missed(strategy: Strategy) -> None:
    lines = list(slept(strategy, CALENDAR, at(23, 22), at(25, 15)))

    assert [line.partition("session ")[2][:10] for line in lines] == ["2026-11-24", "2026-11-25"]
    assert "it has ended, and nothing was traded" in lines[0]
    assert "Airflow makes up for its run now" in lines[1]


@pytest.mark.parametrize(
    ("since", "now"),
    [
        (
            at(23, 14, 29),
            at(
                23,
                14,
                30,
            ),
        ),
        (at(23, 22), at(24, 14)),
        (at(25, 22), at(27, 14)),
    ],
)
def test_a_machine_that_was_awake_or_missed_nothing_says_nothing(
    strategy: Strategy, since: datetime, now: datetime
) -> None:
    assert list(slept(strategy, CALENDAR, since, now)) == []
