"""Account rows: state, pause and the break that stops trading. Locked before every POST."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from include.ledger.alerts import Alerts
from include.trading.account.reduce_only import UNRESOLVED_CAUSE, after_unresolved
from include.trading.account.row import Account, AccountState
from include.trading.account.venue_identity import VenueIdentity
from include.trading.alerts.catalogue import ACCOUNT_STATE
from include.trading.errors import OtherGateway

RESTORED = "restored"


class Accounts:
    """Queries on `accounts`; a method is one statement unless it says otherwise."""

    def __init__(self, connection: Connection[Any]) -> None:
        self.connection = connection
        self._alerts = Alerts(connection)

    def ensure(self, account: str) -> None:
        """Create the account's row unless it is there; in a restored ledger it starts halted."""
        row = self.connection.execute(
            """
            INSERT INTO accounts (account, state, state_cause, state_reason)
            SELECT %(account)s, CASE WHEN restored IS NULL THEN 'active' ELSE 'halted' END,
                CASE WHEN restored IS NULL THEN 'new' ELSE %(cause)s END, restored
            FROM ledger_identity
            ON CONFLICT DO NOTHING
            RETURNING state, state_reason
            """,
            {"account": account, "cause": RESTORED},
        ).fetchone()
        if row is not None and row["state"] == "halted":
            self._record(account, "ledger", "active", "halted", RESTORED, row["state_reason"])
            self._alert(account, "halted", row["state_reason"], "ledger")

    def bind(self, account: str, address: str) -> Account:
        """Keep the gateway's address unless the account has one; return the row as it is then (two statements).

        Raises OtherGateway when another account of the ledger has that gateway.
        """
        with _one_account_a_gateway(self, account, address):
            self.connection.execute(
                "UPDATE accounts SET gateway_address = %(address)s"
                " WHERE account = %(account)s AND gateway_address IS NULL",
                {"account": account, "address": address},
            )
        row = self.get(account)
        if row is None:
            raise LookupError(f"no account {account!r} in the ledger")
        return row

    def record_gateway(
        self, account: str, binding: int, venue: VenueIdentity, *, environment: str | None
    ) -> Account | None:
        """Keep what the gateway says of itself where it is not known yet; None when it is another binding by now.

        environment: paper or live, kept from the first run that sends. An account that had both before it was kept
        stays open to both.
        Raises OtherGateway when another account of the ledger has that gateway.
        """
        with (
            _one_account_a_gateway(self, account, venue.address),
            self.connection.cursor(row_factory=class_row(Account)) as cursor,
        ):
            return cursor.execute(
                """
                UPDATE accounts
                SET gateway_strategy_id = COALESCE(gateway_strategy_id, %(strategy_id)s),
                    gateway_broker_url = COALESCE(gateway_broker_url, %(broker_url)s),
                    gateway_version = COALESCE(%(version)s, gateway_version),
                    environment = COALESCE(environment, CASE WHEN NOT EXISTS (
                        SELECT FROM plans
                        WHERE plans.account = accounts.account AND mode IN ('paper', 'live')
                          AND mode <> %(environment)s
                    ) THEN %(environment)s END)
                WHERE account = %(account)s AND binding = %(binding)s AND gateway_address = %(address)s
                RETURNING *
                """,
                {**venue.model_dump(), "account": account, "binding": binding, "environment": environment},
            ).fetchone()

    def keep_said(self, account: str, binding: int, said: Mapping[str, Any], at: datetime) -> Account | None:
        """Keep what the venue said of itself, and when it was asked; None when it is another binding by now."""
        with self.connection.cursor(row_factory=class_row(Account)) as cursor:
            return cursor.execute(
                """
                UPDATE accounts SET venue_said = %(said)s, venue_said_at = %(at)s
                WHERE account = %(account)s AND binding = %(binding)s
                RETURNING *
                """,
                {"account": account, "binding": binding, "said": Jsonb(dict(said)), "at": at},
            ).fetchone()

    def rebind(self, row: Account, address: str, *, keep_environment: bool, actor: str, reason: str) -> Account:
        """Give a locked account another gateway under a new binding, and record who did it (two statements).

        Raises OtherGateway when another account of the ledger has that gateway.
        """
        with (
            _one_account_a_gateway(self, row.account, address),
            self.connection.cursor(row_factory=class_row(Account)) as cursor,
        ):
            rebound = cursor.execute(
                """
                UPDATE accounts
                SET gateway_address = %(address)s, gateway_strategy_id = NULL, gateway_broker_url = NULL,
                    gateway_version = NULL, venue_said = NULL, venue_said_at = NULL, binding = binding + 1,
                    environment = CASE WHEN %(keep_environment)s THEN environment END,
                    gateway_paused_until = NULL, pause_reason = NULL, consecutive_failures = 0
                WHERE account = %(account)s
                RETURNING *
                """,
                {"account": row.account, "address": address, "keep_environment": keep_environment},
            ).fetchone()
        if rebound is None:
            raise LookupError(f"no account {row.account!r} in the ledger")
        self.record_event(row, cause="rebind", reason=reason, actor=actor)
        return rebound

    def environments(self, account: str) -> list[str]:
        """Return of paper and live those that the account has plans of."""
        rows = self.connection.execute(
            "SELECT DISTINCT mode FROM plans WHERE account = %(account)s AND mode IN ('paper', 'live') ORDER BY mode",
            {"account": account},
        ).fetchall()
        return [row["mode"] for row in rows]

    def at_gateway(self, address: str) -> list[str]:
        """Return the accounts that belong to the gateway at an address."""
        rows = self.connection.execute(
            "SELECT account FROM accounts WHERE gateway_address = %(address)s ORDER BY account", {"address": address}
        ).fetchall()
        return [row["account"] for row in rows]

    def get(self, account: str) -> Account | None:
        with self.connection.cursor(row_factory=class_row(Account)) as cursor:
            return cursor.execute("SELECT * FROM accounts WHERE account = %(account)s", {"account": account}).fetchone()

    def all(self) -> list[Account]:
        with self.connection.cursor(row_factory=class_row(Account)) as cursor:
            return cursor.execute("SELECT * FROM accounts ORDER BY account").fetchall()

    def lock(self, account: str) -> Account:
        """Lock the row until the transaction ends. Always before a plan's row, and that before an order's."""
        with self.connection.cursor(row_factory=class_row(Account)) as cursor:
            # NO KEY, as in the function lock_order.
            row = cursor.execute(
                "SELECT * FROM accounts WHERE account = %(account)s FOR NO KEY UPDATE", {"account": account}
            ).fetchone()
        if row is None:
            raise LookupError(f"no account {account!r} in the ledger")
        return row

    def set_state(self, account: Account, state: AccountState, *, cause: str, reason: str, actor: str) -> None:
        """Move a locked account to a state, record who did it and why, and alert (several statements)."""
        self.connection.execute(
            """
            UPDATE accounts
            SET state = %(state)s, state_cause = %(cause)s, state_reason = %(reason)s,
                state_changed_by = %(actor)s, state_changed_at = clock_timestamp()
            WHERE account = %(account)s
            """,
            {"account": account.account, "state": state, "cause": cause, "reason": reason, "actor": actor},
        )
        self._record(account.account, actor, account.state, state, cause, reason)
        self._alert(account.account, state, reason, actor)

    def record_event(self, row: Account, *, cause: str, reason: str, actor: str) -> None:
        """Record what a person did to an account without changing its state."""
        self._record(row.account, actor, row.state, row.state, cause, reason)

    def _record(self, account: str, actor: str, old: AccountState, new: AccountState, cause: str, reason: str) -> None:
        self.connection.execute(
            """
            INSERT INTO account_events (account, actor, from_state, to_state, cause, reason)
            VALUES (%(account)s, %(actor)s, %(from_state)s, %(state)s, %(cause)s, %(reason)s)
            """,
            {
                "account": account,
                "actor": actor,
                "from_state": old,
                "state": new,
                "cause": cause,
                "reason": reason,
            },
        )

    def _alert(self, account: str, state: AccountState, reason: str, actor: str) -> None:
        key = ACCOUNT_STATE.key(account)
        if state == "active":
            self._alerts.end(key)
            return
        self._alerts.raise_alert(
            ACCOUNT_STATE.alarm(
                key,
                f"account {account} is {state} (by {actor}): {reason}",
                severity="critical" if state == "halted" else "warning",
                account=account,
            ),
            account=account,
        )

    def unresolved_since(self, account: str, now: datetime) -> datetime | None:
        """Return since when the oldest order of the account has been without a known outcome, None if none is."""
        row = self.connection.execute(
            "SELECT unresolved_since(%(account)s, %(now)s) AS since", {"account": account, "now": now}
        ).fetchone()
        return None if row is None else row["since"]

    def refresh(self, account: Account, now: datetime, *, after_seconds: float, actor: str) -> AccountState:
        """Apply the rule of unresolved orders to a locked account; return its state."""
        since = self.unresolved_since(account.account, now)
        return self.refresh_since(account, now, since, after_seconds=after_seconds, actor=actor)

    def refresh_since(
        self, account: Account, now: datetime, since: datetime | None, *, after_seconds: float, actor: str
    ) -> AccountState:
        """Do what `refresh` does with `unresolved_since` known: no statement when nothing changes."""
        change = after_unresolved(account, now, since, after_seconds)
        if change is None:
            return account.state
        self.set_state(account, change.state, cause=UNRESOLVED_CAUSE, reason=change.reason, actor=actor)
        return change.state

    def pause(self, account: str, until: datetime, reason: str) -> None:
        """Make all workers leave the gateway alone until then; a later end already set stays."""
        self.connection.execute(
            """
            UPDATE accounts
            SET gateway_paused_until = GREATEST(COALESCE(gateway_paused_until, %(until)s), %(until)s),
                pause_reason = %(reason)s
            WHERE account = %(account)s
            """,
            {"account": account, "until": until, "reason": reason},
        )

    def lift_pause(self, account: Account, *, reason: str, actor: str) -> None:
        """Let workers ask the gateway of a locked account again before its pause ends, and record who did it."""
        self.connection.execute(
            """
            WITH lifted AS (
                UPDATE accounts SET gateway_paused_until = NULL, pause_reason = NULL, consecutive_failures = 0
                WHERE account = %(account)s RETURNING account, state
            )
            INSERT INTO account_events (account, actor, from_state, to_state, cause, reason)
            SELECT account, %(actor)s, state, state, 'pause_lifted', %(reason)s FROM lifted
            """,
            {"account": account.account, "actor": actor, "reason": reason},
        )

    def record_failure(self, account: str) -> int:
        """Count one more failure in a row to reach the gateway; return how many it is."""
        row = self.connection.execute(
            """
            UPDATE accounts SET consecutive_failures = consecutive_failures + 1
            WHERE account = %(account)s RETURNING consecutive_failures
            """,
            {"account": account},
        ).fetchone()
        return 0 if row is None else int(row["consecutive_failures"])

    def record_answer(self, account: str) -> None:
        """Forget the failures: the gateway answered."""
        self.connection.execute(
            "UPDATE accounts SET consecutive_failures = 0 WHERE account = %(account)s AND consecutive_failures > 0",
            {"account": account},
        )


@contextmanager
def _one_account_a_gateway(accounts: Accounts, account: str, address: str) -> Iterator[None]:
    """Say whose the gateway is when it is another account's: a second one would begin with an empty book."""
    try:
        with accounts.connection.transaction():
            yield
    except UniqueViolation as error:
        others = ", ".join(name for name in accounts.at_gateway(address) if name != account)
        raise OtherGateway(
            f"the gateway at {address} belongs to account {others} of this ledger, expected one that no account has: "
            f"write {others} as the account in the connection; when another broker account is behind the address now: "
            f"python -m include.ops rebind --account {others} --another-account --reason …"
        ) from error
