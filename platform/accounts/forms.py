"""The forms of the account pages."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.contrib.auth import password_validation
from django.contrib.auth.forms import PasswordResetForm
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User

PASSWORD_RULES = lazy(password_validation.password_validators_help_text_html, str)()
PASSWORD_AT_MOST = 1_000  # hashing takes time by the byte


@cache
def zones() -> frozenset[str]:
    """The names of the system's time zones; looking them up walks a few hundred files, so once is enough."""
    return frozenset(available_timezones())


@cache
def zone_choices() -> list[tuple[str, Any]]:
    """Every zone of the system's list, grouped by region."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(zones()):
        region, slash, place = zone.partition("/")
        if slash and region != "Etc":
            regions.setdefault(region, []).append((zone, place.replace("_", " ")))
    return [
        ("UTC", "UTC"),
        *((region, places) for region, places in regions.items() if region not in ("SystemV", "posix", "right")),
    ]


class EmailField(forms.EmailField):
    """An address in lower case."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", gettext_lazy("Email"))
        options.setdefault("widget", forms.EmailInput(attrs={"autocomplete": "email"}))
        super().__init__(max_length=254, **options)

    def to_python(self, value: Any) -> str:
        return str(super().to_python(value)).lower()


def password_field(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    """A password as it was typed, spaces included."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, help_text=help_text, widget=widget, strip=False, max_length=PASSWORD_AT_MOST)


def name_field() -> forms.CharField:
    """What a person is called; nobody is without a name for their instructors."""
    return forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("What instructors of your courses see."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )


class SignUpForm(forms.Form):
    email = EmailField()
    name = name_field()
    password = password_field(gettext_lazy("Password"), "new-password", PASSWORD_RULES)
    timezone = forms.CharField(required=False, widget=forms.HiddenInput(attrs={"data-timezone": ""}))

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email=email).exists():
            raise ValidationError(_("There is an account with this address already. Sign in, or reset its password."))
        return email

    def clean_timezone(self) -> str:
        zone: str = self.cleaned_data["timezone"]
        return zone if zone in zones() else "UTC"

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        password = data.get("password")
        if password:
            likeness = User(email=data.get("email"), name=data.get("name", ""))
            try:
                password_validation.validate_password(password, likeness)
            except ValidationError as error:
                self.add_error("password", error)
        return data


class SignInForm(forms.Form):
    email = EmailField(widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = password_field(gettext_lazy("Password"), "current-password")


class PasswordForm(forms.Form):
    """A new password, with the old one as proof."""

    old = password_field(gettext_lazy("Password until now"), "current-password")
    new = password_field(gettext_lazy("New password"), "new-password", PASSWORD_RULES)

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_old(self) -> str:
        old: str = self.cleaned_data["old"]
        if not self.user.check_password(old):
            raise ValidationError(_("That is not your password. Type the one you sign in with."))
        return old

    def clean_new(self) -> str:
        new: str = self.cleaned_data["new"]
        password_validation.validate_password(new, self.user)
        return new


class NewPasswordForm(forms.Form):
    """A new password after the letter; in the shape that Django's reset view asks for."""

    new = password_field(gettext_lazy("New password"), "new-password", PASSWORD_RULES)

    def __init__(self, user: User | None, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_new(self) -> str:
        new: str = self.cleaned_data["new"]
        password_validation.validate_password(new, self.user)
        return new

    def save(self) -> User:
        if self.user is None:
            raise ValueError("no user to save")
        self.user.set_password(self.cleaned_data["new"])
        self.user.save(update_fields=["password"])
        return self.user


class ResetForm(PasswordResetForm):
    """Sends its letter beside the request, so that the answer takes as long for an unknown address as for a known one."""

    email = EmailField()

    def send_mail(self, *args: Any, **kwargs: Any) -> None:
        threading.Thread(target=super().send_mail, args=args, kwargs=kwargs, name="password-reset-mail").start()


class ProfileForm(forms.Form):
    name = name_field()
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"), choices=zone_choices, help_text=gettext_lazy("Dates and deadlines are shown in it.")
    )


class EmailForm(forms.Form):
    """Another address to sign in with; the password proves that it is you who asks."""

    email = EmailField(label=gettext_lazy("New email"))
    password = password_field(gettext_lazy("Password"), "current-password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email=email).exclude(pk=self.user.pk).exists():
            raise ValidationError(_("There is another account with this address."))
        return email

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError(_("That is not your password. Type the one you sign in with."))
        return password


class TokenForm(forms.Form):
    """Stands on the profile page beside the profile's own form, so its ids are its own."""

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(data, auto_id="token_%s")

    name = forms.CharField(
        label=gettext_lazy("What is it for?"), max_length=80, help_text=gettext_lazy("For example: my notebook.")
    )


class GuestEraseForm(forms.Form):
    """A guest has no password; the cookie that opened the page is all there is to prove."""

    sure = forms.BooleanField(label=gettext_lazy("Yes, erase everything I did here."))


class EraseForm(forms.Form):
    sure = forms.BooleanField(label=gettext_lazy("Yes, erase my account and what I did here."))
    password = password_field(gettext_lazy("Password"), "current-password")

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise ValidationError(_("That is not your password. Type the one you sign in with."))
        return password
