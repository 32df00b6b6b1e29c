# Celery's shared tasks and send_task use the app that was made last: every process that loads settings makes this one.
from config.celery import app as celery_app

__all__ = ["celery_app"]
