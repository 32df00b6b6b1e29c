"""The task queue: Celery rings doorbells, the database is the truth, so every task ignores its result and acknowledges late."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("forward_pass")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
