"""The tests' settings on a PostgreSQL that the starting process names."""

import environ

from tests.settings import *  # noqa: F403

DATABASES = {"default": environ.Env().db_url("QUIZZES_POSTGRES_URL")}
