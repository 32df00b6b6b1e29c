"""A guest with a cookie, and a room of the tests' own that remembers what it was asked."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest
from django.conf import LazySettings
from django.core import signing
from django.test import Client

from accounts import people
from accounts.models import User


@pytest.fixture
def guest(db: None) -> User:
    return User.objects.create_guest()


@pytest.fixture
def guest_client(guest: User) -> Client:
    """A browser that holds the guest's cookie."""
    client = Client()
    hold(client, guest)
    return client


def hold(client: Client, guest: User) -> None:
    salted = people.GUEST_COOKIE + people.GUEST_SALT  # as HttpResponse.set_signed_cookie does
    client.cookies[people.GUEST_COOKIE] = signing.get_cookie_signer(salt=salted).sign(str(guest.pk))


@pytest.fixture
def notebook(settings: LazySettings) -> Iterator[ModuleType]:
    """A second room with something of everyone: what it was asked to do is in its `asked`."""
    room = ModuleType("notebook.personal")
    room.asked = []
    room.export = lambda user: {"pages": [f"page of {user.pk}"]}
    room.erase = lambda user: room.asked.append(("erase", user.pk))
    room.merge = lambda guest, user: room.asked.append(("merge", guest.pk, user.pk))
    sys.modules["notebook.personal"] = room
    settings.PERSONAL_DATA = ["accounts.personal", "notebook.personal"]
    yield room
    del sys.modules["notebook.personal"]
