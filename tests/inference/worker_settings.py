"""The settings of a worker process under test: its parent's database, pictures and Redis."""

import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES, INSTALLED_APPS

DATABASES["default"]["NAME"] = os.environ["TEST_DATABASE"]
REDIS_URL = os.environ["TEST_REDIS_URL"]
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
MEDIA_ROOT = os.environ["TEST_MEDIA_DIR"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.inference.slow.apps.SlowConfig"]
TRACE_LEASE_SECONDS = float(os.environ.get("TEST_LEASE_SECONDS", "60"))
