"""The composition root. The task queue is set up with it, so that a web process sends its tasks to the right place."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
