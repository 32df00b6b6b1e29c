"""The task queue: Celery rings doorbells, the database is the truth, so every task ignores its result and acknowledges late.

Start workers with `--without-gossip --without-mingle` and, so that SIGTERM lets a running trace end, REMAP_SIGTERM=SIGQUIT.
"""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("forward_pass")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,  # a killed child's task comes back within seconds
    task_time_limit=90,  # trainings have their own
    task_default_queue="checks",
    worker_prefetch_multiplier=1,
    worker_pool_start_method="spawn",  # CUDA does not survive a fork
    worker_proc_alive_timeout=60,  # a spawned child loads a network before it says that it is up
    worker_soft_shutdown_timeout=5,
    worker_enable_soft_shutdown_on_idle=True,
    worker_cancel_long_running_tasks_on_connection_loss=False,  # a Redis restart does not stop a trace
    broker_connection_retry_on_startup=True,
    broker_connection_timeout=1,
    broker_transport_options={
        # Longer than the time limit, so that nothing is redelivered while it still runs; with the default intervals a killed
        # worker's task came back after 98 s, with these after about the timeout.
        "visibility_timeout": 120,
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 10,
        "socket_connect_timeout": 1,
    },
    timezone="UTC",
    beat_schedule={
        # Each entry expires before the next: with no worker for a while they don't pile up.
        "reap": {"task": "inference.tasks.reap", "schedule": 10.0, "options": {"expires": 9}},
        "house-traces": {"task": "inference.tasks.ensure_house_traces", "schedule": 60.0, "options": {"expires": 55}},
        "hand-in": {"task": "quizzes.tasks.hand_in_overdue", "schedule": 30.0, "options": {"expires": 25}},
        "facts": {"task": "inference.tasks.complete_facts", "schedule": 60.0, "options": {"expires": 55}},
        "expire": {"task": "inference.tasks.expire", "schedule": 3600.0, "options": {"expires": 1800}},
        "sessions": {"task": "accounts.tasks.clear_sessions", "schedule": 86_400.0, "options": {"expires": 43_200}},
        "answers": {"task": "quizzes.tasks.count_answers", "schedule": 900.0, "options": {"expires": 850}},
        "guests": {"task": "accounts.tasks.expire_guests", "schedule": 86_400.0, "options": {"expires": 43_200}},
    },
)
app.set_default()  # web requests run in threads, which know only the default application
app.autodiscover_tasks()
