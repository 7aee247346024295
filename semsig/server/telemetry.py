"""The server's counters, in the format of Prometheus."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, MutableMapping
from threading import Lock
from typing import Any

from semsig.server.guard import Application, Receive, Scope, Send

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the latency histogram's buckets, in seconds."""


class Telemetry:
    """Counts requests by route and status, and measures how long they take."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        with self._lock:
            self._requests[method, route, status] += 1
            self._seconds += seconds
            for bound in _BOUNDS:
                self._buckets[bound] += seconds <= bound

    def text(self, gauges: Mapping[str, float]) -> str:
        """Return all counts, and `gauges` (name to value), in Prometheus' text format."""
        with self._lock:
            total = self._requests.total()
            lines = ["# TYPE semsig_requests_total counter"]
            lines += [
                f'semsig_requests_total{{method="{m}",route="{r}",status="{s}"}} {n}'
                for (m, r, s), n in sorted(self._requests.items())
            ]
            lines.append("# TYPE semsig_request_seconds histogram")
            lines += [
                f'semsig_request_seconds_bucket{{le="{bound:g}"}} {self._buckets[bound]}'
                for bound in _BOUNDS
            ]
            lines.append(f'semsig_request_seconds_bucket{{le="+Inf"}} {total}')
            lines += [
                f"semsig_request_seconds_sum {self._seconds:.6f}",
                f"semsig_request_seconds_count {total}",
            ]
        for name, value in gauges.items():
            lines += [f"# TYPE {name.partition('{')[0]} gauge", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"


class Counting:
    """Middleware that counts the answers of an application.

    Parameters
    ----------
    app : ASGI application
        The application.
    telemetry : Telemetry
        The counters.
    """

    def __init__(self, app: Application, telemetry: Telemetry) -> None:
        self._app, self._telemetry = app, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "other")  # a pattern, never with ids
            seconds = time.perf_counter() - started
            self._telemetry.count(scope["method"], route, status, seconds)
