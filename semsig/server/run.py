"""The server process."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import uvicorn

from semsig.engine import Engine
from semsig.errors import OptionError, SemsigError
from semsig.server.app import create_app
from semsig.server.options import ServeOptions

_STOP_SECONDS = 5
_log = logging.getLogger("semsig.server")


def serve(
    engines: Sequence[Engine],
    options: ServeOptions,
    *,
    ready: Callable[[str], None] = lambda _: None,
) -> None:
    """Serve indexes until SIGINT or SIGTERM.

    Parameters
    ----------
    engines : sequence of Engine
        The indexes.
    options : ServeOptions
        How to serve them.
    ready : callable
        Called with the address as soon as the server listens.

    Raises
    ------
    OptionError
        If the server cannot listen on the address.
    """
    listening = _listen(options)
    app = create_app(engines, options)
    config = uvicorn.Config(
        app,
        log_level="warning" if options.anonymous else "info",
        access_log=not options.anonymous,
        server_header=False,
        lifespan="on",
        timeout_graceful_shutdown=_STOP_SECONDS,
        h11_max_incomplete_event_size=64 << 10,
    )
    server = uvicorn.Server(config)
    host = f"[{options.host}]" if ":" in options.host else options.host
    address = f"http://{host}:{listening.getsockname()[1]}/"
    ready(f"{address}?token={options.token}" if options.token else address)
    warming = threading.Thread(target=_warm, args=(app.state.site.warm,))
    warming.start()
    with suppress(KeyboardInterrupt):  # raised again after the shutdown
        server.run(sockets=[listening])
    warming.join()  # Python aborts if it ends while a network is being loaded


def _warm(warm: Callable[[], None]) -> None:
    """Warm up; an error here is ignored, since it is reported by the request that meets it."""
    try:
        warm()
    except (SemsigError, OSError) as error:
        _log.warning("not warmed up: %s", error)


def _listen(options: ServeOptions) -> socket.socket:
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # asyncio turns Nagle's algorithm off, which costs 40 ms per answer, only where proto is TCP
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((options.host, options.port))
    except OSError as error:
        listening.close()
        raise OptionError(
            f"Expected a free address, got {options.host}:{options.port} ({error.strerror}); "
            "choose another with --host and --port, or --port 0 for any."
        ) from error
    listening.listen(128)
    return listening
