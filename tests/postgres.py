"""A PostgreSQL for the tests that need one: POSTGRES_URL, or a cluster of their own for as long as they run."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from operations.install import find_postgresql

DATABASE = "forward_pass_test"


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, dropped afterwards; fails the test when there is no server to be had."""
    if address := os.environ.get("POSTGRES_URL"):
        with _database(address) as url:
            yield url
        return
    binaries = find_postgresql()
    if binaries is None:
        pytest.fail("No PostgreSQL: install the system's postgresql package, or set POSTGRES_URL to a server.")
    with _cluster(binaries) as address, _database(address) as url:
        yield url


@contextmanager
def _cluster(binaries: Path) -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="fp-pg-"))
    user = _owner(folder)
    data, log = folder / "data", folder / "log"

    def run(program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(binaries / program), "-D", str(data), *arguments],
            cwd=folder,
            user=user,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.fail(f"{program} failed: {done.stderr}{log.read_text() if log.exists() else ''}")

    try:
        run("initdb", "--username=tests", "--auth=trust", "--no-sync", "--encoding=UTF8")
        run("pg_ctl", "-w", "-l", str(log), "-o", f"-c listen_addresses='' -k {folder} -F", "start")
        try:
            yield f"postgresql://tests@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _owner(folder: Path) -> str | None:
    """PostgreSQL refuses to run as root: then the folder, and the server, are another user's."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = next(name for name in ("postgres", "nobody") if name in names)
    shutil.chown(folder, user)
    return user


@contextmanager
def _database(address: str) -> Iterator[str]:
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE))
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(create)
        info = connection.info
        person = quote(info.user) + (f":{quote(info.password)}" if info.password else "")
        # A socket's folder doesn't fit where a host name stands.
        place = f"/{DATABASE}?host={info.host}" if info.host.startswith("/") else f"{info.host}:{info.port}/{DATABASE}"
        yield f"postgres://{person}@{place}"
        connection.execute(drop)
