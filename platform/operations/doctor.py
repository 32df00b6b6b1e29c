"""What is wrong with an installation, part by part: each check is independent, so that one problem doesn't hide another."""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.checks import Error, run_checks
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from inference import queueing
from inference.contracts import INSPECTED_NETWORKS
from inference.facts import known_networks
from lessons.models import Release
from operations import health, install, preflight
from operations.problems import CannotStart


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report. A warning is something to know; only what is not ok counts as wrong."""

    subject: str
    ok: bool
    sentence: str
    warning: bool = False


def examine() -> Iterator[Finding]:
    """Each part of the installation in turn, the basic ones first."""
    yield _python()
    yield _packages()
    yield _refusal(_("data folder"), lambda: preflight.check_data_folder(Path(settings.DATA_DIR)), str(settings.DATA_DIR))
    yield _configuration()
    database = _refusal(_("database"), preflight.check_database, preflight.database_name())
    yield database
    if database.ok:
        yield from _contents_of_database()
    yield from _redis_and_workers()


def _python() -> Finding:
    version = sys.version_info[:2]
    problem = install.python_problem(version)
    return Finding("Python", problem is None, problem or ".".join(str(part) for part in version))


def _packages() -> Finding:
    """Whether what is installed is what requirements.txt pins."""
    wrong = []
    for name, pinned in install.pins((settings.ROOT / "requirements.txt").read_text()).items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong.append(_("%(name)s is missing") % {"name": name})
            continue
        if installed.split("+")[0] != pinned:  # "+cpu" names a build of the same version
            wrong.append(f"{name} {installed} ≠ {pinned}")
    sentence = ", ".join(wrong) + ". " + _("Run make setup.") if wrong else _("as pinned in requirements.txt")
    return Finding(_("packages"), not wrong, sentence)


def _configuration() -> Finding:
    errors = [message for message in run_checks() if isinstance(message, Error)]
    return Finding(
        _("configuration"), not errors, "; ".join(str(message.msg) for message in errors) or _("Django finds nothing wrong")
    )


def _contents_of_database() -> Iterator[Finding]:
    try:
        if connection.vendor == "sqlite":
            yield _sqlite_file()
        executor = MigrationExecutor(connection)
        waiting = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
        yield Finding(
            _("tables"),
            waiting == 0,
            ngettext(
                "%(count)s migration is waiting: make run applies it",
                "%(count)s migrations are waiting: make run applies them",
                waiting,
            )
            % {"count": waiting}
            if waiting
            else _("up to date"),
        )
        if waiting == 0:
            yield _facts()
            yield _courses()
    except DatabaseError as error:
        yield Finding(_("tables"), False, preflight.first_line(error))


def _sqlite_file() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA quick_check(1)")
        result = cursor.fetchone()[0]
    if result == "ok":
        return Finding(_("database file"), True, _("intact"))
    return Finding(_("database file"), False, _("damaged (%(result)s): restore a backup") % {"result": result})


def _facts() -> Finding:
    missing = [name for name in INSPECTED_NETWORKS if name not in known_networks()]
    sentence = (
        _("none of today's versions for %(names)s: run manage.py compute_facts") % {"names": ", ".join(missing)}
        if missing
        else _("computed for every inspected network")
    )
    return Finding(_("facts"), not missing, sentence)


def _courses() -> Finding:
    published = Release.objects.exists()
    return Finding(_("courses"), published, _("published") if published else _("none is published: run manage.py load_course"))


def _redis_and_workers() -> Iterator[Finding]:
    binary = _refusal("Redis", preflight.check_redis_binary, "")
    if not binary.ok:
        yield binary
        return
    answers = health.check_redis()
    if not answers.ok and settings.EMBEDDED_REDIS:
        yield Finding("Redis", True, _("not running, like the site: make run starts both"), warning=True)
        return
    yield Finding("Redis", answers.ok, answers.detail or preflight.without_password(settings.REDIS_URL))
    if answers.ok:
        worker = health.check_worker()
        count = health.warm_worker_count()
        yield Finding(
            _("workers"),
            worker.ok,
            worker.detail or ngettext("%(count)s is warm", "%(count)s are warm", count) % {"count": count},
        )
        for queue, sentence in (
            (queueing.TRAININGS.queue, _("none: trainings wait until there is one (manage.py process train)")),
            (queueing.DOWNLOADS.queue, _("none: chores and downloads wait until there is one (manage.py process checks)")),
        ):
            ready = health.workers_by_queue()[queue]
            there = ngettext("%(count)s is there", "%(count)s are there", ready) % {"count": ready}
            yield Finding(_("workers for %(queue)s") % {"queue": queue}, ready > 0, there if ready else sentence)
        yield _proofs()


def _proofs() -> Finding:
    """Whether authors can have their code proved in the studio; a site without that is well."""
    ready = health.workers_by_queue()[queueing.PROOFS.queue]
    there = ngettext("%(count)s is there", "%(count)s are there", ready) % {"count": ready}
    off = _("PROOFS is off: authors’ code is proved by manage.py check_content alone")
    none = _("none has a whole sandbox (bubblewrap 0.8 or newer): authors’ code is proved by manage.py check_content alone")
    sentence = (there if ready else none) if settings.PROOFS else off
    return Finding(_("workers for %(queue)s") % {"queue": queueing.PROOFS.queue}, True, sentence, warning=not ready)


def _refusal(subject: str, check: Callable[[], None], otherwise: str) -> Finding:
    try:
        check()
    except CannotStart as error:
        return Finding(subject, False, str(error))
    return Finding(subject, True, otherwise)
