"""A Signal Service in a page: the two requests that the DAG makes of it, contract v2 without signatures.

python docs/examples/signal_service.py 8001
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SCORES = {"AAPL": 0.021, "MSFT": 0.014, "KO": -0.003, "JPM": -0.017}  # your model's answer for the day


class SignalService(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/ready"
        self.answer(200, {"status": "healthy"}) if known else self.answer(404, {"detail": "Not Found"})

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        unknown = [symbol for symbol in asked["symbols"] if symbol not in SCORES]
        if unknown:
            return self.answer(400, {"detail": f"no features for {', '.join(unknown)} on {asked['as_of_date']}"})
        ranked = sorted(asked["symbols"], key=lambda symbol: -SCORES[symbol])
        top, bottom = ranked[: asked["top_n"]], ranked[len(ranked) - asked["bottom_n"] :]
        weights = dict.fromkeys(ranked, 0.0) | {name: 1 / len(top) for name in top}
        weights |= {name: -1 / len(bottom) for name in bottom}
        signals = [
            {"symbol": name, "predicted_return": SCORES[name], "rank": rank, "target_weight": weights[name]}
            for rank, name in enumerate(ranked, start=1)
        ]
        metadata = {key: asked[key] for key in ("as_of_date", "top_n", "bottom_n")}
        metadata |= {"num_signals": len(signals), "model_version": "example-1", "strategy": "example"}
        return self.answer(200, {"signals": signals, "metadata": metadata})

    def answer(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), SignalService).serve_forever()
