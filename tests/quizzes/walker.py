"""A learner without JavaScript: reads pages, follows their links and sends their forms, and knows the site by nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

from django.test import Client


@dataclass
class Control:
    """A field of a form, with the words beside a choice."""

    name: str
    value: str
    kind: str
    checked: bool
    words: str = ""


@dataclass
class Form:
    """A form, with the words of its buttons."""

    action: str
    controls: list[Control] = field(default_factory=list)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)  # words → name and value

    def sent(self, button: str, chosen: str | None, written: dict[str, str]) -> dict[str, list[str]]:
        """What a browser would send once the choice with these words was made, and these fields were written."""
        data: dict[str, list[str]] = {}
        for control in self.controls:
            is_choice = control.kind in ("radio", "checkbox")
            if is_choice and not (control.checked if chosen is None else chosen in control.words):
                continue
            data.setdefault(control.name, []).append(written.get(control.name, control.value))
        if self.buttons[button][0]:
            data[self.buttons[button][0]] = [self.buttons[button][1]]
        return data


class _Reader(HTMLParser):
    def __init__(self, here: str) -> None:
        super().__init__()
        self.here = here
        self.forms: list[Form] = []
        self.links: dict[str, str] = {}
        self.words: list[str] = []
        self._link = self._label = self._button = None
        self._form: Form | None = None
        self._caught: list[str] = []
        self._choice: Control | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and given.get("method") == "post":
            self._form = Form(urljoin(self.here, given.get("action") or self.here))
            self.forms.append(self._form)
        elif tag == "a" and "href" in given:
            self._link, self._caught = given["href"], []  # type: ignore[assignment]
        elif tag == "button" and self._form:
            self._button, self._caught = (given.get("name", ""), given.get("value", "")), []  # type: ignore[assignment]
        elif tag == "label":
            self._caught, self._choice = [], None
        elif tag == "input" and self._form and given.get("name"):
            kind = given.get("type", "text")
            control = Control(given["name"], given.get("value", ""), kind, "checked" in given)
            self._form.controls.append(control)
            if kind in ("radio", "checkbox"):
                self._choice = control

    def handle_endtag(self, tag: str) -> None:
        caught = " ".join("".join(self._caught).split())
        if tag == "form":
            self._form = None
        elif tag == "a" and self._link:
            self.links.setdefault(caught, urljoin(self.here, self._link))
            self._link = None
        elif tag == "button" and self._button and self._form:
            self._form.buttons[caught] = self._button
            self._button = None
        elif tag == "label" and self._choice:
            self._choice.words = caught

    def handle_data(self, data: str) -> None:
        self._caught.append(data)
        self.words.append(data)


class Walker:
    """Somebody on one page of the site after another; starts as a stranger."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.address = "/"
        self._page = _Reader("/")

    def open(self, address: str) -> None:
        self._arrived(self.client.get(address, follow=True), address)

    def follow(self, words: str) -> None:
        """Goes where the link with these words leads."""
        self.open(self._page.links[words])

    def press(self, button: str, *, choose: str | None = None, **written: str) -> None:
        """Sends the form with this button, after making a choice or writing into its fields."""
        form = next((form for form in self._page.forms if button in form.buttons), None)
        if form is None:
            raise LookupError(
                f"{self.address} has no button “{button}”, but {[b for f in self._page.forms for b in f.buttons]}"
            )
        if choose is not None and not any(choose in words for words in self.choices):
            raise LookupError(f"{self.address} has no choice “{choose}”, but {self.choices}")
        self._arrived(self.client.post(form.action, form.sent(button, choose, written), follow=True), form.action)

    def sees(self, words: str) -> bool:
        return words in self.text

    @property
    def text(self) -> str:
        return " ".join("".join(self._page.words).split())

    @property
    def choices(self) -> list[str]:
        """The words of every choice on the page."""
        return [control.words for form in self._page.forms for control in form.controls if control.words]

    @property
    def buttons(self) -> list[str]:
        return [button for form in self._page.forms for button in form.buttons]

    @property
    def links(self) -> list[str]:
        return list(self._page.links)

    def _arrived(self, response: Any, asked: str) -> None:
        self.address = response.redirect_chain[-1][0] if response.redirect_chain else asked
        if response.status_code != 200:
            raise AssertionError(f"{self.address} answered {response.status_code}: {response.content.decode()[:2000]}")
        self._page = _Reader(re.sub(r"#.*", "", self.address))
        self._page.feed(response.content.decode())
