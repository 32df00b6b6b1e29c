"""manage.py make_instructor EMAIL [--admin]: gives an account its role."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from accounts import services
from accounts.models import Role, User


class Command(BaseCommand):
    help = "Lets the account of EMAIL write courses in the studio; with --admin also administer the site."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="the address that the person signed up with")
        parser.add_argument("--admin", action="store_true", help="make the person an admin")

    def handle(self, *args: Any, email: str, admin: bool, **options: Any) -> None:
        role = Role.ADMIN if admin else Role.INSTRUCTOR
        try:
            user = services.give_role(email=email, role=role)
        except User.DoesNotExist as error:
            raise CommandError(
                _("Nobody has an account with %(email)s. Sign up on the site first, then run this again.") % {"email": email}
            ) from error
        self.stdout.write(
            _("%(email)s is now: %(role)s. The studio is at /studio/.") % {"email": user.email, "role": role.label}
        )
