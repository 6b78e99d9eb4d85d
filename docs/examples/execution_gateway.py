"""An Execution Gateway in a page: every request that the DAG makes of it, contract v2 without signatures.

It fills each order at once at 100 USD and forgets everything when it stops.

    python docs/examples/execution_gateway.py 8002
"""

import json
import sys
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ORDERS: dict[str, dict[str, Any]] = {}
LOCK = threading.Lock()
PRICE = "100.00"


class ExecutionGateway(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        order_id = self.path.removeprefix("/api/v1/orders/")
        if self.path == "/health":
            self.answer(200, {"service": "sandbox_example", "version": "1", "status": "healthy", "dry_run": False})
        elif self.path == "/api/v1/config":
            mode = {"dry_run": False, "alpaca_paper": True}
            self.answer(200, {"service": "sandbox_example", "version": "1", **mode})
        elif self.path == "/api/v1/kill-switch/status":
            self.answer(200, {"state": "ACTIVE"})
        elif self.path == "/api/v1/positions":
            rows = [{"symbol": symbol, "qty": str(shares)} for symbol, shares in positions().items() if shares]
            self.answer(200, {"positions": rows, "total_positions": len(rows)})
        elif order_id in ORDERS:
            self.answer(200, ORDERS[order_id])
        else:
            self.answer(404, {"detail": f"Order not found: {order_id}"})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.path.endswith("/cancel"):
            order = ORDERS[self.path.split("/")[-2]]
            return self.answer(200, {"client_order_id": order["client_order_id"], "status": order["status"]})
        asked = json.loads(content)
        with LOCK:  # one id, one order: the promise that everything else rests on
            order = ORDERS.get(asked["client_order_id"])
            if order is None:
                now = datetime.now(UTC).isoformat()
                fill = {"fill_id": asked["client_order_id"], "fill_qty": asked["qty"], "fill_price": PRICE}
                order = {**asked, "broker_order_id": f"broker-{len(ORDERS) + 1}", "created_at": now}
                order |= {"filled_qty": str(asked["qty"]), "filled_avg_price": PRICE, "status": "filled"}
                order |= {"metadata": {"fills": [{**fill, "timestamp": now}]}}
                ORDERS[asked["client_order_id"]] = order
        same = all(order[key] == asked[key] for key in ("symbol", "side", "qty"))
        if not same:
            words = f"client_order_id '{asked['client_order_id']}' already exists for a different order."
            return self.answer(409, {"detail": words})
        # An answer to a POST does not report fills: that is what the look-up is for.
        return self.answer(200, {**order, "status": "pending_new", "filled_qty": "0", "filled_avg_price": None})

    def answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def positions() -> dict[str, int]:
    held: dict[str, int] = {}
    for order in ORDERS.values():
        signed = order["qty"] if order["side"] == "buy" else -order["qty"]
        held[order["symbol"]] = held.get(order["symbol"], 0) + signed
    return held


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), ExecutionGateway).serve_forever()
