"""`GET /health` at the server's root, where ADR-0006 has it; Airflow's own answer there is a 404."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send


class RootHealth:
    """Lets the health route of the mounted API answer `/health`. path: where that is."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self.app = app
        self.path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        root: str = scope.get("root_path", "")
        if scope["type"] == "http" and scope["path"] == f"{root}/health":
            scope = {**scope, "path": root + self.path, "raw_path": (root + self.path).encode()}
        await self.app(scope, receive, send)
