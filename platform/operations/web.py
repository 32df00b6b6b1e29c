"""The web process: `python -m operations.web FD` serves the site on a listening socket that it inherits."""

from __future__ import annotations

import gc
import os
import socket
import sys

import uvicorn

STREAMS_END_SECONDS = 2
"""uvicorn would wait for open event streams for ever; browsers resume them after a restart."""


def serve(listener: socket.socket) -> None:
    """Serves the site on this socket until SIGTERM or SIGINT."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    config = uvicorn.Config(
        "config.asgi:application",
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
    )
    config.load()
    gc.collect()
    gc.freeze()  # what was loaded stays: looking through all of it again and again takes longer than answering
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
