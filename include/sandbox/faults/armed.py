"""The faults that are armed, and the app that stands between a socket and a service and hands them their requests."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from include.sandbox.faults.exchange import MAIN_REQUEST, TABLE, ArmedFault, Exchange, Json, Service, replay


class Faults:
    """The faults that are armed, oldest first; the first that matches a request takes it."""

    def __init__(self) -> None:
        self.armed: list[ArmedFault] = []

    def arm(self, fault: ArmedFault) -> None:
        """Raises ValueError for a fault or a parameter that does not exist."""
        if fault.fault not in TABLE:
            raise ValueError(f"fault {fault.fault!r} does not exist; there are {', '.join(sorted(TABLE))}")
        if unknown := fault.params.keys() - TABLE[fault.fault].params.keys():
            raise ValueError(f"{fault.fault} has no parameter {', '.join(sorted(unknown))}")
        self.armed.append(fault)

    def take(self, service: Service, scope: Scope, symbols: set[str], fields: Json) -> ArmedFault | None:
        for fault in self.armed:
            if self._matches(fault, service, scope, symbols, fields):
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self.armed.remove(fault)
                return fault
        return None

    @staticmethod
    def _matches(fault: ArmedFault, service: Service, scope: Scope, symbols: set[str], fields: Json) -> bool:
        kind = TABLE[fault.fault]
        if service != (fault.service or kind.service):
            return False
        own = (kind.method, kind.path) if service == kind.service else MAIN_REQUEST[service]
        wanted = {"method": own[0], "path": own[1], **fault.match}
        return (
            wanted.pop("method") in ("", scope["method"])
            and re.match(wanted.pop("path"), scope["path"]) is not None
            and wanted.pop("symbol", None) in (None, *symbols)
            and all(fields.get(name) == value for name, value in wanted.items())
        )


class Faulty:
    """An ASGI app that hands requests to the faults that match them, and the rest to the service."""

    def __init__(
        self, service: Service, app: ASGIApp, faults: Faults, notice: Callable[[Scope, Json], set[str]]
    ) -> None:
        """notice: given every request, returns which symbols it is about."""
        self.service, self.app, self.faults, self.notice = service, app, faults, notice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message["body"], message["more_body"]
        fields = _json_object(body)
        symbols = self.notice(scope, fields)
        fault = self.faults.take(self.service, scope, symbols, fields) if self.faults.armed else None
        if fault is None:
            await self.app(scope, replay(body, receive), send)
            return
        kind = TABLE[fault.fault]
        params = {**kind.params, **fault.params}
        await kind.function(Exchange(self.app, scope, receive, send, body, fields, params, fault, self.faults))


def _json_object(body: bytes) -> Json:
    try:
        fields = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}
