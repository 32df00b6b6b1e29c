"""What can be done to a person's account. Every other room's part of it is asked through settings.PERSONAL_DATA."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib import import_module
from io import BytesIO
from types import ModuleType
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import limits, people
from accounts.activity import Activity
from accounts.models import ApiToken, Role, User
from web.problems import Problem

TOKENS_AT_MOST = 20


def personal_rooms() -> Iterator[ModuleType]:
    """The modules that hold something of a person: export(user), erase(user), merge(guest, user).

    Maybe also recent(user), for the profile page, and files(user), which names and hands out what JSON can't hold.
    """
    for name in settings.PERSONAL_DATA:
        yield import_module(name)


def sign_up(*, guest: User | None, email: str, name: str, password: str, timezone: str = "UTC", now: datetime) -> User:
    """The new account: the guest's own row where there is one, so that nothing done before is lost.

    Raises Problem 409 when somebody took the address in the meantime.
    """
    with _one_account_per_address(), transaction.atomic():
        user = guest and User.objects.select_for_update().filter(pk=guest.pk, is_guest=True).first()
        user = user or User(joined_at=now)
        user.is_guest = False
        user.email = email.strip().lower()
        user.name = name
        user.timezone = timezone
        user.seen_at = now
        user.set_password(password)
        user.save()
    return user


def change_email(*, user: User, email: str) -> None:
    """From now on the person signs in with `email`. Raises Problem 409 when somebody else does."""
    user.email = email.strip().lower()
    with _one_account_per_address(), transaction.atomic():
        user.save(update_fields=["email"])


@contextmanager
def _one_account_per_address() -> Iterator[None]:
    """The forms have looked already; this is for two that were sent at the same moment."""
    try:
        yield
    except IntegrityError as error:
        raise Problem(
            409, _("That address is taken"), _("There is an account with this address already. Sign in, or reset its password.")
        ) from error


def merge_guest(*, guest: User, user: User) -> None:
    """Hands everything the guest did to `user` and removes the guest."""
    with transaction.atomic():
        both = User.objects.select_for_update().filter(pk__in=[guest.pk, user.pk]).order_by("pk").in_bulk()
        locked = both.get(guest.pk)
        if locked is None or not locked.is_guest or user.pk not in both:
            return  # a second tab signed in first, or erased the account
        for room in personal_rooms():
            room.merge(locked, user)
        locked.delete()


def hold(user: User) -> None:
    """Keeps this person from being merged or erased until the transaction ends; Problem 409 when they were before.

    For whoever adds rows of a person: nothing else tells them in time that nobody will find these rows any more.
    """
    if not User.objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"):
        raise Problem(
            409,
            _("You are somebody else by now"),
            _("You signed in or erased your account in another tab. Nothing was written: reload the page to go on."),
        )


def export_person(user: User) -> dict[str, Any]:
    """Everything the site keeps of a person, by room."""
    return {room.__name__.partition(".")[0]: room.export(user) for room in personal_rooms()}


def export_archive(user: User) -> bytes:
    """A ZIP of everything the site keeps of a person: data.json, and the files that the rooms hold, by their names there."""
    buffer = BytesIO()
    with ZipFile(buffer, "w") as archive:
        document = json.dumps(export_person(user), cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
        archive.writestr("data.json", document, ZIP_DEFLATED)
        for room in personal_rooms():
            for name, content in room.files(user) if hasattr(room, "files") else ():
                archive.writestr(name, content)  # photos are compressed already
    return buffer.getvalue()


def erase_person(*, user: User) -> None:
    """Removes a person: each room erases or makes anonymous what it has, then the account goes.

    Raises Problem 409 for the last admin: a site without one can't be administered from its pages.
    """
    with transaction.atomic():
        if not User.objects.select_for_update().filter(pk=user.pk).values_list("pk"):
            return  # a second tab was first
        if user.is_admin and not User.objects.filter(role=Role.ADMIN, is_active=True).exclude(pk=user.pk).exists():
            raise Problem(409, _("You are the only admin"), _("Make someone else an admin first, then erase your account."))
        for room in reversed(list(personal_rooms())):
            room.erase(user)
        user.delete()


def recent_activity(user: User, *, at_most: int = 10) -> list[Activity]:
    """What the rooms tell of the person's last days, newest first."""
    told = [activity for room in personal_rooms() if hasattr(room, "recent") for activity in room.recent(user)]
    return sorted(told, key=lambda activity: activity.at, reverse=True)[:at_most]


def expire_guests(*, now: datetime) -> int:
    """How many guests were removed, with what they left, because nobody came back within GUEST_DAYS."""
    idle = User.objects.filter(is_guest=True, seen_at__lt=now - people.guest_lifetime())
    expired = 0
    for guest in idle.iterator(chunk_size=100):
        with transaction.atomic():
            # Whoever came back, or signed up, since the list was read stays.
            if idle.select_for_update().filter(pk=guest.pk).values_list("pk"):
                erase_person(user=guest)
                expired += 1
    limits.forget_old(now=now)
    return expired


def create_token(*, user: User, name: str, now: datetime) -> tuple[ApiToken, str]:
    """The token's row and its secret, which is nowhere else from now on. Problem 409 when the person has too many."""
    if user.api_tokens.count() >= TOKENS_AT_MOST:
        raise Problem(409, _("Too many tokens"), _("Revoke one that you no longer use, then make a new one."))
    secret = ApiToken.new_secret()
    return ApiToken.objects.create(user=user, name=name, digest=people.digest(secret), created_at=now), secret


def give_role(*, email: str, role: Role) -> User:
    """The account of `email` in its new role. Raises User.DoesNotExist."""
    user = User.objects.get_by_natural_key(email)
    user.role = role
    user.save(update_fields=["role"])
    return user
