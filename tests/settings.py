"""The site's own settings, in a fresh data folder: pytest-django reads settings before any conftest could set one up."""

import atexit
import os
import shutil
import tempfile

if "TEST_DATA_DIR" not in os.environ:  # a process started by a test keeps its parent's folder
    os.environ["TEST_DATA_DIR"] = tempfile.mkdtemp(prefix="fp-")
    atexit.register(shutil.rmtree, os.environ["TEST_DATA_DIR"], ignore_errors=True)
os.environ["DATA_DIR"] = os.environ["TEST_DATA_DIR"]
for name in ("REDIS_URL", "DATABASE_URL", "MEDIA_DIR", "SECRET_KEY", "DEBUG", "HOST", "PORT", "ALLOWED_HOSTS", "SITE_NAME"):
    os.environ.pop(name, None)  # what the developer's own site uses is none of the tests' business
if "TEST_DATABASE_URL" in os.environ:  # the same tests on another database
    os.environ["DATABASE_URL"] = os.environ["TEST_DATABASE_URL"]

from config.settings import *  # noqa: E402, F403
from config.settings import ALLOWED_HOSTS, STORAGES  # noqa: E402

ALLOWED_HOSTS = [*ALLOWED_HOSTS, "testserver"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # signing in is not what takes the tests' time
# Names with hashes need a collectstatic first; the browser journeys make one and use the site's own storage.
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
