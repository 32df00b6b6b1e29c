"""Composition root: every setting comes from the environment or from one of the house's defaults.

README.md lists what an operator sets. A value that cannot be used stops the process with a sentence, at once.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
env = environ.Env()
# `NAME=` in an operator's file means the default, but for this one, which may be a list of nothing.
env.ENVIRON = {name: value for name, value in os.environ.items() if value or name == "WARM_NETWORKS"}


@contextmanager
def _usable(name: str, form: str) -> Iterator[None]:
    """A value of another form ends the process with one sentence instead of a traceback."""
    try:
        yield
    except (ValueError, KeyError, ImproperlyConfigured) as error:
        # Without the value: an address may hold a password.
        raise SystemExit(f"{name} is set to something that can't be used: write {form}.") from error


def _is_on(name: str, *, default: str = "0") -> bool:
    """Whether a switch is turned on. A misspelt word would turn HTTPS off without a word, so it ends the process."""
    with _usable(name, "1 or 0"):
        word = env.str(name, default=default).lower()
        if word not in (*env.BOOLEAN_TRUE_STRINGS, "false", "off", "n", "no", "0"):
            raise ValueError("neither on nor off")
    return word in env.BOOLEAN_TRUE_STRINGS


def _listed(name: str, default: list[str]) -> list[str]:
    """What a comma-separated value lists, however it is spaced."""
    return [one for given in env.list(name, default=default) if (one := given.strip())]


DEBUG = _is_on("DEBUG")
DATA_DIR = Path(env.str("DATA_DIR", default=str(ROOT / "data"))).resolve()
MEDIA_ROOT = Path(env.str("MEDIA_DIR", default=str(DATA_DIR / "media"))).resolve()
WEIGHTS_DIR = Path(env.str("WEIGHTS_DIR", default=str(DATA_DIR / "weights"))).resolve()
with _usable("WEIGHTS_MIRROR", "an address, as in WEIGHTS_MIRROR=http://mirror.school/weights"):
    WEIGHTS_MIRROR = env.str("WEIGHTS_MIRROR", default="")  # the engine reads it from the environment
    if WEIGHTS_MIRROR and not WEIGHTS_MIRROR.startswith(("http://", "https://")):
        raise ValueError("another scheme")
HOST = env.str("HOST", default="127.0.0.1")
with _usable("PORT", "a number, as in PORT=8000"):
    PORT = env.int("PORT", default=8000)
SITE_NAME = env.str("SITE_NAME", default="Forward Pass")
SITE_VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")


def _kept_secret() -> str:
    """The installation's own key: made once, readable by its owner alone."""
    path = DATA_DIR / "secret_key"
    try:
        if not path.exists():
            DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # people's data: for this user alone
            # Written beside and linked into place: another process of this start-up never reads half a key, nor another one.
            draft = path.with_name(f"secret_key.{os.getpid()}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(50))
            with suppress(FileExistsError):
                path.hardlink_to(draft)
            draft.unlink()
        return path.read_text().strip()
    except OSError as error:
        raise SystemExit(
            f"The data folder {DATA_DIR} can't be used ({error.strerror}): make room and allow writing there, or set DATA_DIR."
        ) from error


def _redis_socket() -> Path:
    """Where the embedded Redis listens: in DATA_DIR or, where that path is too long for a socket, in a folder of its own."""
    socket = DATA_DIR / "redis.sock"
    if len(os.fsencode(socket)) <= 103:  # 104 bytes on macOS and 108 on Linux, with the closing zero
        return socket
    digest = hashlib.sha256(os.fsencode(DATA_DIR)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"forward-pass-{os.getuid()}-{digest}" / "redis.sock"


SECRET_KEY = env.str("SECRET_KEY", default="") or _kept_secret()
ALLOWED_HOSTS = _listed("ALLOWED_HOSTS", sorted({"localhost", "127.0.0.1", "[::1]", HOST}))
with _usable("CSRF_TRUSTED_ORIGINS", "addresses, as in CSRF_TRUSTED_ORIGINS=https://learn.example.org"):
    CSRF_TRUSTED_ORIGINS = _listed("CSRF_TRUSTED_ORIGINS", [])
    if not all(origin.startswith(("http://", "https://")) for origin in CSRF_TRUSTED_ORIGINS):
        raise ValueError("no scheme")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "database",
    "web",
    "accounts",
    "inference",
    "lessons",
    "quizzes",
    "studio",
    "operations",
]

MIDDLEWARE = [
    "operations.middleware.request_metrics",
    "django.middleware.security.SecurityMiddleware",
    "web.middleware.StaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.PersonMiddleware",
    "web.middleware.ProblemMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.context.site",
                "accounts.context.person",
            ],
        },
    }
]

# --- database: SQLite with one write lock per process, or whatever DATABASE_URL names ---------------------------------
if env.str("DATABASE_URL", default=""):
    with _usable("DATABASE_URL", "postgres://user:password@host/name"):
        if env.str("DATABASE_URL").partition("://")[0] not in ("postgres", "postgresql", "sqlite"):
            raise ValueError("another database")
        DATABASES = {"default": env.db_url("DATABASE_URL")}
        if not DATABASES["default"]["NAME"]:
            raise ValueError("no name of a database")
    if DATABASES["default"]["ENGINE"].endswith("postgresql"):
        # Plain connections under ASGI run the server out of connections; the pool bounds them.
        DATABASES["default"].setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": 10, "timeout": 10}
        DATABASES["default"]["CONN_MAX_AGE"] = 0
else:
    DATABASES = {"default": {"NAME": str(DATA_DIR / "forward-pass.sqlite3")}}
if DATABASES["default"].get("ENGINE", "django.db.backends.sqlite3").endswith("sqlite3"):
    DATABASES["default"]["ENGINE"] = "database.sqlite"
    DATABASES["default"].setdefault("TEST", {})["NAME"] = str(DATA_DIR / "test.sqlite3")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis: broker, event streams ---------------------------------------------------------------------------------------
_OPERATORS_REDIS = env.str("REDIS_URL", default="")
EMBEDDED_REDIS = not _OPERATORS_REDIS
REDIS_SOCKET = _redis_socket()
REDIS_URL = _OPERATORS_REDIS or f"unix://{quote(str(REDIS_SOCKET))}"

CELERY_BROKER_URL = REDIS_URL.replace(
    "unix://", "redis+socket://", 1
)  # kombu knows no unix://; the rest is in config/celery.py

# --- people ---------------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "accounts:me"
LOGOUT_REDIRECT_URL = "lessons:home"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 8}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
GUEST_DAYS = 30
TRACE_DAYS = 30

with _usable("EMAIL_URL", "smtp+tls://user:password@host:587"):
    EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
vars().update(EMAIL_CONFIG)
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="forward-pass@localhost")

# --- language and time ------------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = False

# --- files ------------------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
WHITENOISE_USE_FINDERS = DEBUG
STORAGES = {
    "default": {"BACKEND": "web.storage.WriteOnceStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "web.storage.ModuleManifestStorage",
    },
}
UPLOAD_MAX_BYTES = 10 * 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

# --- security ---------------------------------------------------------------------------------------------------------------
_SAME_ORIGIN = ["'self'"]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": _SAME_ORIGIN,
        "style-src": _SAME_ORIGIN,
        "img-src": ["'self'", "data:", "blob:"],
        "font-src": _SAME_ORIGIN,
        "connect-src": _SAME_ORIGIN,
        "manifest-src": _SAME_ORIGIN,
        "form-action": _SAME_ORIGIN,
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}
CSRF_FAILURE_VIEW = "web.views.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
_BEHIND_TLS = _is_on("HTTPS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _BEHIND_TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
if _BEHIND_TLS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# --- rooms that show something of a higher room call these names blind ------------------------------------------------------
LESSON_MODES = ["quizzes.modes.PractiseMode", "quizzes.modes.TestMode", "quizzes.reviewing.mode.ReviewMode"]
LESSON_DOORS = ["quizzes.patterns.doors.pattern_doors"]
LESSON_BLOCKS = ["quizzes.blocks.QuestionBlock"]
LESSON_OPENINGS = ["quizzes.beforehand.openings.pretest", "quizzes.beforehand.openings.prediction"]
HOME_LINKS = ["quizzes.dashboard.home_links"]
COURSE_LINKS = ["quizzes.misconceptions.links.course_links"]
FOLDER_PARTS = ["quizzes.folder.QuestionsPart"]
PUBLISH_CHECKS = ["quizzes.checks.check_cards"]
PROOF_PERMISSION = "lessons.proof_runs.may_prove"
PERSONAL_DATA = ["accounts.personal", "inference.personal", "lessons.personal", "quizzes.personal"]

# --- runs -------------------------------------------------------------------------------------------------------------------
# "auto" is decided by the worker, which alone loads torch.
TRACE_DEVICE = env.str("TRACE_DEVICE", default="auto").lower()
with _usable("TRACE_DEVICE", "auto, cpu or cuda"):
    if TRACE_DEVICE not in ("auto", "cpu", "cuda"):
        raise ValueError("another device")
with _usable("TRACE_THREADS", "a number from 1, as in TRACE_THREADS=4"):
    TRACE_THREADS = env.int("TRACE_THREADS", default=1)
    if TRACE_THREADS < 1:
        raise ValueError("no thread")
with _usable("TRACE_BATCH", "a number from 1, as in TRACE_BATCH=16"):
    TRACE_BATCH = env.int("TRACE_BATCH", default=8)  # waiting photos that go through a network in one pass
    if TRACE_BATCH < 1:
        raise ValueError("no photo")
with _usable("TRACE_PROCESSES", "a number from 1, as in TRACE_PROCESSES=2"):
    TRACE_PROCESSES = env.int("TRACE_PROCESSES", default=0)  # 0: one for each GPU that CUDA_VISIBLE_DEVICES names, at least one
    if TRACE_PROCESSES < 0:
        raise ValueError("fewer than none")
WARM_NETWORKS = tuple(_listed("WARM_NETWORKS", ["efficientnet_lite0"]))  # loaded when a worker starts
with _usable("WARM_MEGABYTES", "a number of MiB, as in WARM_MEGABYTES=2048"):
    WARM_MEGABYTES = env.int("WARM_MEGABYTES", default=2048)  # of networks that a worker process keeps loaded
    if WARM_MEGABYTES < 1:
        raise ValueError("no room")
TRACE_WAITING_LIMIT = 8  # per person
TRACE_RUNNING_LIMIT = 2  # per person
TRACE_LEASE_SECONDS = 10  # a worker renews it while it lives, so this is how long a dead one stays unnoticed
TRACE_DEADLINE_SECONDS = 600
TRAINING_DEADLINE_SECONDS = 1800
TRAINING_LIMIT = 1  # per person, waiting or running
DOWNLOAD_DEADLINE_SECONDS = 7200
PROOFS = _is_on("PROOFS", default="1")  # authors may have their code run from the studio, where the sandbox is whole
PROOF_DEADLINE_SECONDS = 1800
TRACE_ATTEMPTS = 3

with _usable("LOG_LEVEL", "DEBUG, INFO, WARNING or ERROR"):
    LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
    if LOG_LEVEL not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("another level")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
