"""Settings come from TRADING_ variables; a name or a value that is wrong is refused, never ignored."""

from __future__ import annotations

import pytest

from include.execution.settings import OTHERS, Settings, settings_from
from include.launcher.settings import ALL_PORTS, PORTS
from include.trading.errors import InvalidData


def test_without_variables_the_defaults_of_the_design_hold() -> None:
    settings = settings_from({"PATH": "/usr/bin"})

    assert settings == Settings()
    assert settings.retry_minutes == (5, 10, 20)
    assert settings.quick_retry_seconds == (4, 8, 16)
    assert (settings.absent_proof_seconds, settings.look_up_seconds, settings.unresolved_seconds) == (60, 75, 180)
    assert (settings.price_patience_seconds, settings.position_recheck_seconds) == (120, 30)
    assert (settings.rejected_warning, settings.rejected_critical) == (0.10, 0.50)


def test_the_cap_on_posts_of_an_order_leaves_room_for_all_tries_of_its_task_and_of_a_clear() -> None:
    settings = Settings()
    posts = (1 + len(settings.retry_minutes)) * (1 + len(settings.quick_retry_seconds))

    assert settings.attempt_cap >= 2 * posts


def test_a_variable_sets_its_setting() -> None:
    settings = settings_from({"TRADING_LEASE_SECONDS": "12.5", "TRADING_ATTEMPT_CAP": "3"})

    assert (settings.lease_seconds, settings.attempt_cap) == (12.5, 3)


@pytest.mark.parametrize("text", ["1,2.5,3", " 1, 2.5 ,3", "1,2.5,3,"])
def test_several_numbers_are_given_with_commas(text: str) -> None:
    assert settings_from({"TRADING_RETRY_MINUTES": text}).retry_minutes == (1, 2.5, 3)


def test_no_quick_retries_at_all_can_be_asked_for() -> None:
    assert settings_from({"TRADING_QUICK_RETRY_SECONDS": ""}).quick_retry_seconds == ()


@pytest.mark.parametrize("name", sorted(OTHERS))
def test_variables_of_other_parts_are_left_to_them(name: str) -> None:
    assert settings_from({name: "anything"}) == Settings()


def test_the_launchers_own_settings_may_be_in_the_environment() -> None:
    assert settings_from({setting: "auto" for _, setting, _ in PORTS.values()} | {ALL_PORTS: "auto"}) == Settings()


def test_an_unknown_variable_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidData, match=r"TRADING_LEASE_SECOND is not known; known are .*TRADING_LEASE_SECONDS"):
        settings_from({"TRADING_LEASE_SECOND": "30"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("TRADING_LEASE_SECONDS", "half a minute"),
        ("TRADING_LEASE_SECONDS", "0"),
        ("TRADING_LEASE_SECONDS", "nan"),
        ("TRADING_LEASE_SECONDS", ""),
        ("TRADING_ATTEMPT_CAP", "0"),
        ("TRADING_ATTEMPT_CAP", "1.5"),
        ("TRADING_DEFER_SECONDS", "5"),
        ("TRADING_REJECTED_WARNING", "1.1"),
        ("TRADING_RETRY_MINUTES", "5;10"),
        ("TRADING_RETRY_MINUTES", "5,-1"),
        ("TRADING_RETRY_MINUTES", ""),
        ("TRADING_RETRY_MINUTES", "1e12"),
        ("TRADING_QUICK_RETRY_SECONDS", "-4"),
        ("TRADING_QUICK_RETRY_SECONDS", "4,inf"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_its_name_and_what_came(name: str, text: str) -> None:
    with pytest.raises(InvalidData) as refused:
        settings_from({name: text})

    assert name in str(refused.value)
    assert repr(text) in str(refused.value).replace('"', "'")


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("RETRY_MINUTES", "", "1 or more of them"),
        ("LEASE_SECONDS", "", "a number"),
        ("ATTEMPT_CAP", "1.5", "a whole number"),
        ("LEASE_SECONDS", "0", "greater than 0"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_what_is_expected(name: str, text: str, expected: str) -> None:
    with pytest.raises(InvalidData) as refused:
        settings_from({f"TRADING_{name}": text})

    assert str(refused.value) == f"setting TRADING_{name}: expected {expected}; got {text!r}"


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
