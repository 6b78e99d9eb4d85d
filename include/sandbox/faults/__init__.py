"""Everything the sandbox can do wrong on demand: one small function a fault, its docstring the documentation.

A fault stands between the socket and a service: it may let the real service `answer` and keep, lose or change that
answer, or never ask it. It meets the requests of its own kind (the orders' POST, unless declared otherwise); `match`
narrows or widens that: `method` ("" is any), `path` (a regular expression from the start), `symbol`, or any field of
the request's JSON. `times` None is until cleared. `service` turns a general fault on another service.

wire: any service, on the way. refusals: the gateway says no. orders: it lies about an order. account: about positions
and itself. signals, market: the other two services. alpaca: the Trading API. `refuse_connections` is not here: it
closes a port (server.py).
"""

from include.sandbox.faults import account, alpaca, market, orders, refusals, signals, wire
from include.sandbox.faults.armed import Faults, Faulty
from include.sandbox.faults.exchange import TABLE, ArmedFault, Json, Twist

__all__ = ["TABLE", "ArmedFault", "Faults", "Faulty", "Json", "Twist"]
__all__ += ["account", "alpaca", "market", "orders", "refusals", "signals", "wire"]
