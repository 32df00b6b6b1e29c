"""Django's admin: who has an account, and who may write courses."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import services
from accounts.models import ApiToken, User

if TYPE_CHECKING:
    PersonModelAdmin = admin.ModelAdmin[User]
    TokenModelInline = admin.TabularInline[ApiToken, User]
else:
    PersonModelAdmin = admin.ModelAdmin
    TokenModelInline = admin.TabularInline

admin.site.site_header = admin.site.site_title = settings.SITE_NAME
admin.site.unregister(Group)  # rights come from roles and memberships, so a group would do nothing


class TokenInline(TokenModelInline):
    """A person's tokens: to see and to revoke, never to make."""

    model = ApiToken
    extra = 0
    fields = readonly_fields = ("name", "created_at", "used_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(PersonModelAdmin):
    """People with an account. They sign up themselves and choose their own passwords; roles are given here."""

    list_display = ("email", "name", "role", "is_active", "joined_at", "seen_at")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    ordering = ("email",)
    fields = ("email", "name", "role", "is_active", "timezone", "joined_at", "seen_at")
    readonly_fields = ("joined_at", "seen_at")
    inlines = (TokenInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(is_guest=False)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_deleted_objects(
        self, objs: QuerySet[User] | Sequence[User], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Only the accounts are listed: what hangs on them is each room's to erase or to make anonymous."""
        accounts = [str(user) for user in objs]
        return accounts, {str(User._meta.verbose_name_plural): len(accounts)}, set(), []

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        services.erase_person(user=obj)

    def delete_queryset(self, request: HttpRequest, queryset: Iterable[User]) -> None:
        for user in queryset:
            services.erase_person(user=user)
