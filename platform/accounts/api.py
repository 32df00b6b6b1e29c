"""GET /me: who the caller is."""

from __future__ import annotations

from typing import Literal, cast

from django.http import HttpRequest
from django.middleware.csrf import get_token
from ninja import Router, Schema

from accounts import people
from accounts.auth import cookie_or_bearer
from web.problems import REFUSALS

router = Router(tags=["people"], auth=cookie_or_bearer)


Caller = Literal["guest", "learner", "instructor", "admin"]


class Me(Schema):
    """Who you are. `csrf_token` goes into X-CSRFToken when you write with the site's cookies."""

    role: Caller
    name: str
    csrf_token: str


@router.get("/me", response={200: Me, **REFUSALS}, summary="Who you are")
def me(request: HttpRequest) -> Me:
    person = people.current(request)
    token = get_token(request)
    if person is None or person.is_guest:
        return Me(role="guest", name="", csrf_token=token)
    return Me(role=cast(Caller, person.role), name=person.name, csrf_token=token)
