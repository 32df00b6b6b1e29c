"""People: one row for everyone who has done something here, guests included."""

from __future__ import annotations

import secrets
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person may do on the whole site; a course has its own Membership beside it."""

    LEARNER = "learner", _("learner")
    INSTRUCTOR = "instructor", _("instructor")
    ADMIN = "admin", _("admin")


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        """The account of an address, however its letters were typed."""
        return self.get(email=(username or "").strip().lower(), is_guest=False)

    def create_guest(self) -> User:
        """A person who has no account yet: no email, no password, kept by a signed cookie."""
        user = self.model(email=None, is_guest=True)
        user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, role=Role.ADMIN, **fields)


class User(AbstractBaseUser):
    """A person.

    guest → (sign-up) → learner, the same row, so that nothing done as a guest is lost.
    guest → (sign-in) → merged into the account signed into, then removed.
    guest → (idle) → removed with what they left, by `expire_guests`.
    """

    email = models.EmailField(_("email address"), unique=True, null=True, blank=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    role = models.CharField(max_length=16, choices=Role.choices, default=Role.LEARNER)
    is_guest = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    timezone = models.CharField(_("time zone"), max_length=64, default="UTC")  # after its namesake's last use above

    objects = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_guest=True, email=None) | models.Q(is_guest=False, email__isnull=False),
                name="a_guest_has_no_address_everyone_else_has_one",
            ),
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="addresses_are_lower_case"),
        ]
        indexes = [models.Index(fields=["is_guest", "seen_at"])]

    def __str__(self) -> str:
        return self.name or self.email or f"guest {self.pk}"

    def get_short_name(self) -> str:
        """How Django's admin greets the person."""
        return str(self)

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower() if self.email else None

    @property
    def is_admin(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def is_instructor(self) -> bool:
        """May open the studio; what they may edit there is a matter of each course."""
        return self.role in (Role.INSTRUCTOR, Role.ADMIN)

    # Django's admin asks for these two.
    @property
    def is_staff(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object | None = None) -> bool:
        return self.is_active and self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_admin


class ApiToken(models.Model):
    """A bearer token of one person; only its digest is kept, so the token is shown once."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=80)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    @staticmethod
    def new_secret() -> str:
        """A secret of 256 random bits, with a prefix that secret scanners can know."""
        return "fp_" + secrets.token_urlsafe(32)


class LimitedAction(models.Model):
    """One counted try at something that may not be tried without end. `key` is a digest: no address is kept here."""

    key = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["key", "at"])]

    def __str__(self) -> str:
        return f"{self.key[:8]} {self.at:%H:%M}"
