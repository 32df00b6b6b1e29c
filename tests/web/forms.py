"""A form with one field of each shape."""

from __future__ import annotations

from typing import Any

from django import forms


class Everything(forms.Form):
    """One field of each shape."""

    title = forms.CharField(help_text="Shown in the list of lessons.")
    body = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    level = forms.ChoiceField(choices=[("a", "beginner"), ("b", "advanced")])
    reveal = forms.ChoiceField(
        choices=[("a", "after each answer"), ("b", "after finishing")],
        widget=forms.RadioSelect,
        help_text="When feedback shows.",
    )
    sure = forms.BooleanField(help_text="This can’t be undone.")

    def clean(self) -> dict[str, Any]:
        self.add_error(None, "Nothing was saved.")
        return super().clean() or {}
