"""What must hold before the site is started: each check raises CannotStart with one sentence, or says nothing."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

import psycopg
import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils.translation import gettext as _

from operations.problems import CannotStart
from operations.redis import server_binary

FREE_BYTES = 200 * 1024 * 1024
"""Below this a database, a queue and a few uploads would soon fill the disk, and each would fail in its own way."""
CONNECT_SECONDS = 3


def check_folders() -> None:
    """The folders for data and for media can be used."""
    check_data_folder(Path(settings.DATA_DIR))
    check_data_folder(Path(settings.MEDIA_ROOT), setting="MEDIA_DIR")


def check_data_folder(folder: Path, *, setting: str = "DATA_DIR") -> None:
    """The folder that `setting` names exists or can be made, can be written to, and its disk has room."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"room for one more block" * 200)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise CannotStart(_disk_full(folder)) from error
        raise CannotStart(
            _("The folder %(folder)s can't be written to (%(error)s): allow it, or set %(setting)s to another.")
            % {"folder": folder, "error": error.strerror, "setting": setting}
        ) from error
    if shutil.disk_usage(folder).free < FREE_BYTES:
        raise CannotStart(_disk_full(folder))


def check_redis_binary() -> None:
    """A redis-server to start, when none is configured."""
    if settings.EMBEDDED_REDIS and server_binary() is None:
        raise CannotStart(
            _(
                "There is no Redis to start: the embedded one comes as a wheel for CPython 3.11 on x86-64 Linux only. "
                "Install redis-server, or set REDIS_URL to a Redis you have."
            )
        )


def check_redis_url() -> None:
    """The operator's Redis answers."""
    if settings.EMBEDDED_REDIS:
        return
    address = without_password(settings.REDIS_URL)
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=CONNECT_SECONDS, socket_timeout=CONNECT_SECONDS
        ) as client:
            client.ping()
    except ValueError as error:
        raise CannotStart(
            _("REDIS_URL (%(url)s) is not an address of a Redis: write redis://host:6379/0.") % {"url": address}
        ) from error
    except (redis.RedisError, OSError) as error:
        raise CannotStart(
            _("REDIS_URL (%(url)s) does not answer: %(error)s. Start that Redis, or correct the address.")
            % {"url": address, "error": first_line(error).rstrip(".")}
        ) from error


def check_database() -> None:
    """The database answers; of SQLite also that its file is a database."""
    try:
        if connection.vendor == "postgresql":
            _connect_without_pool()
        else:
            with connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM sqlite_master")
    except (DatabaseError, OSError) as error:
        if connection.vendor == "sqlite":
            sentence = _("The database %(name)s can't be used: %(error)s.")
        else:
            sentence = _("DATABASE_URL (%(name)s) does not answer: %(error)s. Start that database, or correct the address.")
        raise CannotStart(sentence % {"name": database_name(), "error": first_line(error).rstrip(".")}) from error
    finally:
        connection.close()


def _connect_without_pool() -> None:
    # The pool would try for ten seconds and then say only that it got no connection.
    parameters = {**connection.get_connection_params(), "connect_timeout": CONNECT_SECONDS}
    with connection.wrap_database_errors, psycopg.connect(**parameters):
        pass


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at the site's address; children inherit it, so that it stays taken while one is restarted."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=1024)
    except OverflowError as error:
        raise CannotStart(_("PORT is %(port)s; a port is a number up to 65535.") % {"port": port}) from error
    except OSError as error:
        raise CannotStart(_cannot_listen(host, port, error)) from error
    # Accepted connections inherit it: an event must not wait for the one after it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _cannot_listen(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return _(
            "Port %(port)s of %(host)s is taken: stop what has it, or choose another port, as in make run PORT=%(other)s."
        ) % {
            "port": port,
            "host": host,
            "other": port + 1,
        }
    if error.errno == errno.EACCES:
        return _("Port %(port)s is reserved: choose one above 1023, as in make run PORT=8000.") % {"port": port}
    return _("HOST %(host)s can't be listened at (%(error)s): it must be an address of this machine.") % {
        "host": host,
        "error": error.strerror,
    }


def database_name() -> str:
    """The database as a person would name it, without its password."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(database["NAME"])
    port = f":{database['PORT']}" if database["PORT"] else ""
    return f"{connection.vendor}://{database['HOST']}{port}/{database['NAME']}"


def without_password(url: str) -> str:
    """The address for a message or a log."""
    scheme, separator, rest = url.partition("://")
    return scheme + separator + rest.rpartition("@")[2]


def first_line(error: Exception) -> str:
    """The first line of an error's message, or its class when it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _disk_full(folder: Path) -> str:
    return _(
        "The disk that holds %(folder)s is full (less than %(megabytes)s MB free): make room, or set DATA_DIR to another disk."
    ) % {
        "folder": folder,
        "megabytes": FREE_BYTES // 1024**2,
    }
