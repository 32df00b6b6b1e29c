"""The account pages: each view reads a form, calls a service and says what happened."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.contrib import auth, messages
from django.contrib.auth.views import PasswordResetConfirmView, redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render, resolve_url
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts import limits, people, services
from accounts.forms import (
    EmailForm,
    EraseForm,
    GuestEraseForm,
    NewPasswordForm,
    PasswordForm,
    ProfileForm,
    ResetForm,
    SignInForm,
    SignUpForm,
    TokenForm,
)
from accounts.models import ApiToken, User
from accounts.people import account_required, person_required
from web.problems import Problem
from web.redirects import safe_next

BACKEND = "django.contrib.auth.backends.ModelBackend"
RESET_DAYS = settings.PASSWORD_RESET_TIMEOUT // 86_400
FORM_METHODS = ["GET", "HEAD", "POST"]


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(FORM_METHODS)
def sign_up(request: HttpRequest) -> HttpResponse:
    """Makes an account of whoever asks; a guest keeps what they did."""
    person = people.current(request)
    if person and not person.is_guest:
        return redirect("accounts:me")
    form = SignUpForm(request.POST or None)
    tries = limits.sign_up_limits(address=address_of(request))
    if request.method == "POST":
        if pause := limits.wait(tries, now=timezone.now()):
            raise slow_down(pause)
        limits.count(tries, now=timezone.now())
    if form.is_bound and form.is_valid():
        user = services.sign_up(guest=person, now=timezone.now(), **form.cleaned_data)
        _enter(request, user)
        messages.success(request, _("Welcome, %(name)s. Your account is ready.") % {"name": user.name})
        return redirect(safe_next(request, resolve_url(settings.LOGIN_REDIRECT_URL)))
    return _form_page(request, "accounts/sign_up.html", {"form": form, "next": safe_next(request, "")})


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(FORM_METHODS)
def sign_in(request: HttpRequest) -> HttpResponse:
    """Opens an account; what the person did as a guest just before moves into it."""
    person = people.current(request)
    if person and not person.is_guest and request.method != "POST":
        return redirect(safe_next(request, resolve_url(settings.LOGIN_REDIRECT_URL)))
    form = SignInForm(request.POST or None)
    if form.is_bound and form.is_valid():
        user = _proven(request, form)
        if user is not None:
            if person and person.is_guest:
                services.merge_guest(guest=person, user=user)  # first: if it fails, the guest's cookie still opens their work
            _enter(request, user)
            return redirect(safe_next(request, resolve_url(settings.LOGIN_REDIRECT_URL)))
        form.add_error(None, _("Email and password don’t belong together. Check both, or reset the password."))
    return _form_page(request, "accounts/sign_in.html", {"form": form, "next": safe_next(request, "")})


def _proven(request: HttpRequest, form: SignInForm) -> User | None:
    """The account that email and password open, if any. Every failure counts; Problem 429 after too many."""
    email = form.cleaned_data["email"]
    tries = limits.sign_in_limits(email=email, address=address_of(request))
    if pause := limits.wait(tries, now=timezone.now()):
        raise slow_down(pause)
    user = auth.authenticate(request, username=email, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        limits.count(tries, now=timezone.now())
        return None
    limits.forgive(tries)
    return user


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends the session."""
    auth.logout(request)
    people.become(request, None)
    messages.success(request, _("You are signed out."))
    return redirect(settings.LOGOUT_REDIRECT_URL)


@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """Stands where Django's admin would ask for a password: the site's own form asks, and counts the tries."""
    person = people.current(request)
    target = safe_next(request, reverse("admin:index"))
    if person is None or person.is_guest:
        return redirect_to_login(target)
    if person.is_admin:
        return redirect(target)
    raise Problem(403, _("For admins"), _("This part is open to admins. Ask the person who runs this site."))


@never_cache
@sensitive_post_parameters("old", "new")
@require_http_methods(FORM_METHODS)
@account_required
def password(request: HttpRequest) -> HttpResponse:
    """Changes the password; other devices are signed out by it."""
    user = people.ensure(request)
    form = PasswordForm(user, request.POST or None)
    if form.is_bound and form.is_valid():
        user.set_password(form.cleaned_data["new"])
        user.save(update_fields=["password"])
        auth.update_session_auth_hash(request, user)
        messages.success(request, _("Your password is changed. Other devices are signed out."))
        return redirect("accounts:me")
    return _form_page(request, "accounts/password.html", {"form": form})


@never_cache
@require_http_methods(FORM_METHODS)
def password_reset(request: HttpRequest) -> HttpResponse:
    """Sends a letter with a link, and says the same whether there is such an account or not."""
    form = ResetForm(request.POST or None)
    if form.is_bound and form.is_valid():
        tries = limits.reset_limits(email=form.cleaned_data["email"], address=address_of(request))
        if limits.wait(tries, now=timezone.now()) is None:
            limits.count(tries, now=timezone.now())
            words: dict[str, Any] = {"SITE_NAME": settings.SITE_NAME, "reset_days": RESET_DAYS}
            form.save(
                request=request,
                use_https=request.is_secure(),
                subject_template_name="accounts/mail/reset_subject.txt",
                email_template_name="accounts/mail/reset.txt",
                extra_email_context=words,
            )
        return redirect("accounts:password_reset_sent")
    return _form_page(request, "accounts/password_reset.html", {"form": form})


@require_safe
def password_reset_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_reset_sent.html", {"reset_days": RESET_DAYS})


@method_decorator(never_cache, name="dispatch")
class PasswordResetConfirm(PasswordResetConfirmView):
    """Where the letter's link leads: Django's check of the token, our form and page."""

    form_class = NewPasswordForm  # type: ignore[assignment]
    template_name = "accounts/password_reset_confirm.html"
    success_url = reverse_lazy("accounts:sign_in")
    extra_context = {"reset_days": RESET_DAYS}

    def form_valid(self, form: NewPasswordForm) -> HttpResponse:  # type: ignore[override]
        messages.success(self.request, _("Your new password is set. Sign in with it."))
        return super().form_valid(form)  # type: ignore[arg-type]


@never_cache
@require_http_methods(FORM_METHODS)
@person_required
def me(request: HttpRequest) -> HttpResponse:
    """The profile: name and time zone, role, what was done lately, tokens, the way out. A guest's: what is kept of them."""
    user = people.ensure(request)
    if user.is_guest:
        kept = {"activities": services.recent_activity(user), "days": settings.GUEST_DAYS}
        return render(request, "accounts/guest.html", kept)
    form = ProfileForm(request.POST or None, initial=_profile_of(user))
    if form.is_bound and form.is_valid():
        user.name = form.cleaned_data["name"]
        user.timezone = form.cleaned_data["timezone"]
        user.save(update_fields=["name", "timezone"])
        messages.success(request, _("Saved."))
        return redirect("accounts:me")
    return _profile(request, {"form": form})


def _profile_of(user: User) -> dict[str, str]:
    return {"name": user.name, "timezone": user.timezone}


def _profile(request: HttpRequest, context: dict[str, object]) -> HttpResponse:
    user = people.ensure(request)
    full = {
        "form": ProfileForm(initial=_profile_of(user)),
        "token_form": TokenForm(),
        "tokens": user.api_tokens.order_by("-created_at"),
        "activities": services.recent_activity(user),
        **context,
    }
    return _form_page(request, "accounts/me.html", full)


@never_cache
@require_POST
@account_required
def create_token(request: HttpRequest) -> HttpResponse:
    """Makes a token and shows its secret on this page only."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return _profile(request, {"token_form": form})
    token, secret = services.create_token(user=people.ensure(request), name=form.cleaned_data["name"], now=timezone.now())
    return _profile(request, {"new_token": token, "new_secret": secret})


@require_POST
@account_required
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Ends one of the person's own tokens."""
    token = get_object_or_404(ApiToken, pk=pk, user=people.current(request))
    token.delete()
    messages.success(request, _("“%(name)s” no longer works.") % {"name": token.name})
    return redirect("accounts:me")


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(FORM_METHODS)
@account_required
def email(request: HttpRequest) -> HttpResponse:
    """Changes the address that the person signs in with."""
    user = people.ensure(request)
    form = EmailForm(user, request.POST or None)
    if form.is_bound and form.is_valid():
        services.change_email(user=user, email=form.cleaned_data["email"])
        auth.update_session_auth_hash(request, user)
        messages.success(request, _("From now on you sign in with %(email)s.") % {"email": user.email})
        return redirect("accounts:me")
    return _form_page(request, "accounts/email.html", {"form": form})


@never_cache
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """Everything the site keeps of the person asking, guests included: a ZIP of data.json and their photos."""
    person = people.current(request)
    if person is None:
        raise Problem(404, _("Nothing kept"), _("You have done nothing here yet, so there is nothing to download."))
    headers = {"Content-Disposition": f'attachment; filename="forward-pass-{timezone.now():%Y-%m-%d}.zip"'}
    return HttpResponse(services.export_archive(person), content_type="application/zip", headers=headers)


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(FORM_METHODS)
@person_required
def erase(request: HttpRequest) -> HttpResponse:
    """Asks once more, of an account with the password, then removes the person from every room."""
    user = people.ensure(request)
    posted = request.POST or None
    form = GuestEraseForm(posted) if user.is_guest else EraseForm(user, posted)
    if form.is_bound and form.is_valid():
        was_guest = user.is_guest
        services.erase_person(user=user)
        auth.logout(request)
        people.become(request, None)
        messages.success(request, _("What you did here is erased.") if was_guest else _("Your account is erased."))
        return redirect(settings.LOGOUT_REDIRECT_URL)
    return _form_page(request, "accounts/erase_guest.html" if user.is_guest else "accounts/erase.html", {"form": form})


def _enter(request: HttpRequest, user: User) -> None:
    """Signs in under a new session key, so that a key known before is worth nothing."""
    auth.login(request, user, backend=BACKEND)
    people.become(request, user)


def _form_page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """A page with forms; 422 when one of them was not accepted."""
    refused = any(getattr(form, "errors", None) for form in context.values())
    return render(request, template, context, status=422 if refused else 200)


def address_of(request: HttpRequest) -> str:
    """The caller's network address, as the server or its trusted proxy tells it."""
    return str(request.META.get("REMOTE_ADDR", ""))


def slow_down(pause: timedelta) -> Problem:
    """The refusal after too many tries."""
    minutes = ceil(pause.total_seconds() / 60)
    sentence = ngettext(
        "There were too many tries. Wait %(minutes)d minute, then try again, or reset the password.",
        "There were too many tries. Wait %(minutes)d minutes, then try again, or reset the password.",
        minutes,
    )
    headers = {"Retry-After": str(ceil(pause.total_seconds()))}
    return Problem(429, _("Too many tries"), sentence % {"minutes": minutes}, headers=headers)
