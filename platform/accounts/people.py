"""Who is asking: someone signed in, a script with a token, a guest held by a signed cookie, or nobody yet."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiToken, User
from web.problems import Problem

GUEST_COOKIE = "guest"
GUEST_SALT = "accounts.guest"
SEEN_EVERY = timedelta(hours=1)


def current(request: HttpRequest) -> User | None:
    """The person asking, or None for somebody who has done nothing here yet. Creates nobody and asks no database."""
    return getattr(request, "_person", None)


def ensure(request: HttpRequest) -> User:
    """The person asking; on the first write that is a new guest, whose cookie the middleware sets on the response."""
    person = current(request)
    if person is None:
        person = User.objects.create_guest()
        become(request, person)
    return person


def become(request: HttpRequest, person: User | None) -> None:
    """From here on the request is `person`'s."""
    request._person = person  # type: ignore[attr-defined]


def identify(request: HttpRequest) -> User | None:
    """Who the request says it is: a bearer token counts before a session, a session before a guest's cookie."""
    if has_bearer(request):
        return _bearer(request)
    if isinstance(request.user, User):
        return request.user
    return guest_of(request)


def guest_of(request: HttpRequest) -> User | None:
    """The guest whose signed cookie came with the request. An upgraded guest's old cookie opens nothing."""
    key = request.get_signed_cookie(GUEST_COOKIE, default=None, salt=GUEST_SALT, max_age=guest_lifetime())
    if key is None or not key.isdecimal():
        return None
    return User.objects.filter(pk=int(key), is_guest=True, is_active=True).first()


def guest_lifetime() -> timedelta:
    """How long an idle guest is kept."""
    return timedelta(days=settings.GUEST_DAYS)


def has_bearer(request: HttpRequest) -> bool:
    """Whether the caller is a script that shows a token, good or bad."""
    return request.headers.get("Authorization", "").lower().startswith("bearer ")


def digest(secret: str) -> str:
    """What is stored of a token. It has 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _bearer(request: HttpRequest) -> User | None:
    secret = request.headers["Authorization"].partition(" ")[2].strip()
    token = ApiToken.objects.select_related("user").filter(digest=digest(secret), user__is_active=True).first()
    if token is None:
        return None
    now = timezone.now()
    if token.used_at is None or now - token.used_at > SEEN_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(used_at=now)
    return token.user


def note_seen(person: User, *, now: datetime) -> bool:
    """Whether it was time to write down that the person is here; once an hour is often enough."""
    if now - person.seen_at < SEEN_EVERY:
        return False
    person.seen_at = now
    User.objects.filter(pk=person.pk).update(seen_at=now)
    return True


def instructor_required(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view for instructors and admins; a guest is sent to sign in, a learner is told why not."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        person = current(request)
        if person is None or person.is_guest:
            return redirect_to_login(request.get_full_path())
        if not person.is_instructor:
            raise Problem(
                403,
                _("For instructors"),
                _("The studio is open to instructors. Ask the person who runs this site to make you one."),
            )
        return view(request, *args, **kwargs)

    return guarded


def account_required(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view for people with an account; everyone else is sent to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        person = current(request)
        if person is None or person.is_guest:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded


def person_required(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view for people of whom something is kept, guests included; everyone else is sent to sign in."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if current(request) is None:
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return guarded
