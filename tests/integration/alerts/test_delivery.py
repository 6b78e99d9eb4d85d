"""How alerts reach each channel: once, in order, and again when they could not be delivered."""

from __future__ import annotations

import json
import socket
import threading

import pytest

from include.adapters.notify.channels import channels_of
from include.execution.alerts.delivery import send_alerts
from include.ops.main import main
from include.trading.alerts.catalogue import Alarm
from include.trading.errors import InvalidData
from tests.support.duty import AT_ONCE, QUIET, Duty
from tests.support.inbox import mail_server, webhook


def raised(duty: Duty) -> bool:
    with duty.engine.ledger() as ledger:
        return ledger.alerts.raise_alert(Alarm("error", "warning", "error:x", "the task failed", "read its log"))


def ended(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        assert ledger.alerts.end("error:x")


def test_a_flapping_cause_alerts_once_with_a_count_and_says_once_that_it_is_over(duty: Duty) -> None:
    assert raised(duty)
    assert duty.send(QUIET) == ["[WARNING] error"]
    for _ in range(3):
        ended(duty)
        assert duty.send(QUIET) == []
        assert not raised(duty)
        assert duty.send(QUIET) == []
    ended(duty)

    assert duty.send(AT_ONCE) == ["[OVER] error"]
    assert "4 times" in duty.inbox.about("[OVER] error")["message"]
    assert duty.send(AT_ONCE) == []


def test_a_cause_that_comes_back_after_its_end_was_told_is_a_new_alert(duty: Duty) -> None:
    raised(duty)
    duty.send()
    ended(duty)
    duty.send()

    assert raised(duty)

    assert duty.send() == ["[WARNING] error"]


def test_a_message_that_does_not_arrive_is_left_to_the_next_sender(duty: Duty) -> None:
    raised(duty)
    duty.inbox.status = 500
    assert duty.send() == []

    duty.inbox.status = 200

    assert duty.send() == ["[WARNING] error"]


def test_two_senders_at_once_send_each_message_once(duty: Duty) -> None:
    with duty.engine.ledger() as ledger:
        for number in range(10):
            ledger.alerts.raise_alert(Alarm("error", "warning", f"error:{number}", f"task {number}", "read its log"))
    threads = [threading.Thread(target=duty.send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(duty.inbox.messages) == len({message["message"] for message in duty.inbox.messages}) == 10


def test_an_alert_arrives_by_e_mail(duty: Duty) -> None:
    raised(duty)
    with mail_server() as (url, mails):
        duty.inbox.url = url
        duty.send()

    (mail,) = mails
    assert "[WARNING] error" in mail["Subject"]
    assert mail["To"] == "duty@example.com"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "read its log" in body.get_content()


def test_an_address_that_apprise_does_not_understand_is_named_by_its_place_and_stops_no_other(duty: Duty) -> None:
    raised(duty)
    addresses = [{"path": "nonsense-with-a-secret"}, {"path": duty.inbox.url}, {"url": "json://127.0.0.1:1/"}]
    with duty.engine.ledger() as ledger:
        assert send_alerts(ledger, AT_ONCE, lambda: channels_of(addresses), base_url="") == 1

    assert duty.inbox.titles == ["[WARNING] error"]
    broken = channels_of(addresses)[0]
    with pytest.raises(InvalidData, match="entry 1 is none") as caught:
        broken.send("info", "title", "body")
    assert "secret" not in f"{caught.value} {broken.name}"


def dead_address() -> str:
    """An address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"json://127.0.0.1:{free.getsockname()[1]}/"


def five_alerts(duty: Duty) -> list[str]:
    """Raise four warnings and, last, a critical alert; return the titles of their messages in that order."""
    with duty.engine.ledger() as ledger:
        for number in range(4):
            ledger.alerts.raise_alert(Alarm("error", "warning", f"error:{number}", f"task {number}", "read its log"))
        ledger.alerts.raise_alert(Alarm("break", "critical", "break:x", "the books differ", "settle it"))
    return ["[WARNING] error"] * 4 + ["[CRITICAL] break"]


@pytest.mark.parametrize("dead", ["gone", "nothing listens", "no such host", "not understood"])
def test_a_dead_channel_keeps_the_others_from_no_message_whichever_comes_first(duty: Duty, dead: str) -> None:
    titles = five_alerts(duty)
    with webhook() as gone:
        gone.status = 410
        url = {
            "gone": gone.url,
            "nothing listens": dead_address(),
            "no such host": "json://channel.invalid/",
            "not understood": "no address",
        }[dead]

        assert duty.send_to(url, duty.inbox.url) == 5
        assert duty.send_to(url, duty.inbox.url) == 0

    assert duty.inbox.titles == titles


def test_a_channel_that_comes_back_gets_what_it_missed_once_and_in_order(duty: Duty) -> None:
    titles = five_alerts(duty)
    with webhook() as other:
        other.status = 503
        for _ in range(4):
            duty.send_to(other.url, duty.inbox.url)
        other.status = 200

        duty.send_to(other.url, duty.inbox.url)
        duty.send_to(other.url, duty.inbox.url)

        assert other.titles == titles
    assert duty.inbox.titles == titles


def test_escalations_and_ends_reach_each_channel_once(duty: Duty) -> None:
    raised(duty)
    with webhook() as other:
        duty.send_to(other.url, duty.inbox.url)
        other.status = 410
        with duty.engine.ledger() as ledger:
            ledger.alerts.raise_alert(Alarm("error", "critical", "error:x", "it gave up", "read its log"))
        duty.send_to(other.url, duty.inbox.url)
        ended(duty)
        duty.send_to(other.url, duty.inbox.url)
        other.status = 200
        duty.send_to(other.url, duty.inbox.url)

        assert duty.inbox.titles == ["[WARNING] error", "[CRITICAL] error", "[OVER] error"]
        assert other.titles == ["[WARNING] error", "[OVER] error"]


def test_what_a_channel_did_not_take_for_a_week_and_is_over_is_not_sent_any_more(duty: Duty) -> None:
    raised(duty)
    ended(duty)
    with duty.engine.ledger() as ledger:
        ledger.connection.execute("UPDATE alerts SET over_at = over_at - interval '8 days'")

    assert duty.send() == []


def test_a_message_that_a_channel_never_takes_does_not_stand_before_the_next(duty: Duty) -> None:
    raised(duty)
    duty.inbox.refused = "task failed"
    with duty.engine.ledger() as ledger:
        ledger.alerts.raise_alert(Alarm("break", "critical", "break:x", "the books differ", "settle it"))

    sent = [duty.send() for _ in range(4)]

    assert [titles for titles in sent if titles] == [["[CRITICAL] break"]]
    duty.inbox.refused = ""
    assert duty.send() == ["[WARNING] error"]


def test_a_new_channel_is_not_told_what_was_told_before_it_came(duty: Duty) -> None:
    raised(duty)
    duty.send()
    with webhook() as new:
        assert duty.send_to(duty.inbox.url, new.url) == 0
        ended(duty)
        duty.send_to(duty.inbox.url, new.url)

        assert new.titles == ["[OVER] error"]


def test_the_ledger_keeps_no_word_of_an_address(duty: Duty) -> None:
    raised(duty)
    duty.send_to(duty.inbox.url + "?secret=of-this-address")

    with duty.engine.ledger() as ledger:
        rows = ledger.connection.execute("SELECT * FROM alert_channels, alert_deliveries").fetchall()
    assert rows
    assert "secret" not in str(rows)
    assert "127.0.0.1" not in str(rows)


def test_an_end_that_was_told_while_its_cause_came_back_is_taken_back(duty: Duty) -> None:
    raised(duty)
    duty.send()
    ended(duty)
    with duty.engine.ledger() as ledger:
        # What a sender does, with the cause coming back between its look and its note.
        (name,) = ledger.deliveries.add([channels_of({"path": duty.inbox.url})[0].name])
        due = ledger.deliveries.due(name, quiet_seconds=0)
        assert due is not None
        ledger.deliveries.record_try(due.alert, name)
        assert not raised(duty)
        ledger.deliveries.record_sent(due.alert, name)

    assert duty.send() == ["[WARNING] error"]


def test_a_sender_that_died_holds_its_channel_for_a_minute_only(duty: Duty) -> None:
    raised(duty)
    with duty.engine.ledger() as ledger:
        (name,) = ledger.deliveries.add([channels_of({"path": duty.inbox.url})[0].name])
        assert ledger.deliveries.claim(name, "dead")
        assert duty.send() == []
        ledger.connection.execute("UPDATE alert_channels SET claimed_until = claimed_until - interval '1 minute'")

    assert duty.send() == ["[WARNING] error"]


def test_the_command_looks_and_sends_without_airflow(duty: Duty, capsys: pytest.CaptureFixture[str]) -> None:
    raised(duty)
    extra = {"config": {"path": duty.inbox.url}}
    gateway = duty.engine.gateway_url.removeprefix("http://").split(":")
    environ = {
        "AIRFLOW_CONN_TRADING_LEDGER": duty.engine.ledger_url,
        "AIRFLOW_CONN_TRADING_ALERTS": json.dumps({"conn_type": "apprise", "extra": extra}),
        "AIRFLOW_CONN_EXECUTION_GATEWAY": json.dumps(
            {
                "conn_type": "http",
                "host": gateway[0],
                "port": int(gateway[1]),
                "extra": {"contract": "v2", "account": "sandbox"},
            }
        ),
    }

    code = main(["watch"], environ)

    assert code == 1
    assert duty.inbox.titles == ["[WARNING] error"]
    assert "the task failed" in capsys.readouterr().out
