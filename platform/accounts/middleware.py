"""Finds out who asks before the view runs, and keeps a guest's cookie after it."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin

from accounts import people
from accounts.models import User


class PersonMiddleware(MiddlewareMixin):
    """Makes people.current(request) answer without a query, also in async views, and shows times in the person's zone."""

    def process_request(self, request: HttpRequest) -> None:
        person = people.identify(request)
        people.become(request, person)
        timezone.deactivate()
        if person is not None:
            people.note_seen(person, now=timezone.now())
            _activate_zone(person)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        person = people.current(request)
        if person is not None and person.is_guest:
            if not people.has_bearer(request):
                _hold(request, response, person)
        elif people.GUEST_COOKIE in request.COOKIES and not people.has_bearer(request):
            response.delete_cookie(people.GUEST_COOKIE, samesite="Lax")
        return response


def _activate_zone(person: User) -> None:
    try:
        timezone.activate(ZoneInfo(person.timezone))
    except (ZoneInfoNotFoundError, ValueError):
        timezone.deactivate()  # the zone has left the system's list since it was chosen


def _hold(request: HttpRequest, response: HttpResponseBase, guest: User) -> None:
    """Sets the guest's cookie: when the guest is new, and again about once a day so that an active guest doesn't expire."""
    fresh = request.get_signed_cookie(people.GUEST_COOKIE, default=None, salt=people.GUEST_SALT, max_age=timedelta(days=1))
    if fresh == str(guest.pk):
        return
    response.set_signed_cookie(
        people.GUEST_COOKIE,
        str(guest.pk),
        salt=people.GUEST_SALT,
        max_age=people.guest_lifetime(),
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
