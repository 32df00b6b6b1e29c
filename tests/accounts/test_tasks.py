"""The clock rings for idle guests."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tasks import expire_guests
from config.celery import app


@pytest.mark.django_db
def test_the_task_removes_idle_guests_and_may_come_twice(guest, notebook):
    User.objects.filter(pk=guest.pk).update(seen_at=timezone.now() - timedelta(days=31))
    expire_guests()
    expire_guests()
    assert not User.objects.exists()


def test_the_clock_knows_the_task():
    app.loader.import_default_modules()
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} >= {expire_guests.name}
    assert expire_guests.name in app.tasks
