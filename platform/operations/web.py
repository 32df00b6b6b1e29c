"""The web process: `python -m operations.web FD` serves the site on a listening socket that it inherits."""

from __future__ import annotations

import os
import socket
import sys

import uvicorn

STREAMS_END_SECONDS = 2
"""uvicorn would wait for open event streams for ever; browsers resume them after a restart."""


def main(descriptor: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    config = uvicorn.Config(
        "config.asgi:application",
        log_level="warning",
        access_log=False,
        lifespan="off",
        server_header=False,
        timeout_graceful_shutdown=STREAMS_END_SECONDS,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
