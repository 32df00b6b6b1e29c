"""The frame around every page: header, theme, footer, plans, the API's page, and the content security policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as site_settings
from django.template import Context, Template
from django.urls import reverse

from web import plans

pytestmark = pytest.mark.django_db


def page(client, path: str = "/plans/") -> str:
    return client.get(path).content.decode()


def test_a_stranger_is_offered_to_sign_in_and_come_back(client):
    assert 'href="/sign-in/?next=/plans/%3Fa%3D1"' in page(client, "/plans/?a=1")


def test_the_header_knows_the_person(client, learner, instructor):
    client.force_login(learner)
    assert "Lena Learner" in page(client)
    assert reverse("studio:home") not in page(client)
    client.force_login(instructor)
    assert reverse("studio:home") in page(client)


def test_courses_and_networks_are_a_click_away_from_everywhere(client):
    assert f'href="{reverse("lessons:home")}"' in page(client)
    assert f'href="{reverse("inference:networks")}"' in page(client)


def test_the_first_link_skips_to_the_content(client):
    html = page(client)
    assert re.search(r"<a [^>]*>", html)[0] == '<a class="skip" href="#main">'
    assert '<main id="main" tabindex="-1">' in html


@pytest.mark.parametrize(("chosen", "shown"), [("dark", 'data-theme="dark"'), ("light", 'data-theme="light"')])
def test_a_theme_is_remembered_without_javascript(client, chosen, shown):
    response = client.post("/theme/", {"theme": chosen, "next": "/plans/"})
    assert response.headers["Location"] == "/plans/"
    assert shown in page(client)
    client.post("/theme/", {"theme": "system"})
    assert "data-theme" not in page(client)


@pytest.mark.parametrize("nonsense", ["", "pink", '"><script>'])
def test_an_unknown_theme_changes_nothing(client, nonsense):
    client.post("/theme/", {"theme": nonsense})
    client.cookies["theme"] = nonsense
    assert "data-theme" not in page(client)


def test_the_theme_form_leads_nowhere_else(client):
    assert client.post("/theme/", {"theme": "dark", "next": "https://evil.example/"}).headers["Location"] == "/"


def test_plans_are_free_until_the_operator_says_otherwise(client, settings, tmp_path):
    settings.DATA_DIR = tmp_path
    assert "Everything here is free" in page(client)
    (tmp_path / plans.FILE_NAME).write_text("# For schools\n\n[Ask us](mailto:us@example.org)\n\n<script>alert(1)</script>")
    html = page(client)
    assert "<h1>For schools</h1>" in html
    assert "Everything here is free" not in html
    assert "<script>alert" not in html


def test_the_operators_words_may_be_any_bytes(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    (tmp_path / plans.FILE_NAME).write_bytes(b"\xff\xfe# caf\xe9")
    assert plans.operators_words() is not None


def test_the_apis_page_lists_what_the_description_lists(client):
    described = client.get(reverse("api-1:openapi-json")).json()
    html = page(client, "/developers/")
    assert described["paths"]
    for path, methods in described["paths"].items():
        assert f"<code>{path}</code>" in html
        assert all(f">{method.upper()}</code>" in html for method in methods)


def test_everything_comes_from_this_site_and_nothing_is_inline(client):
    response = client.get("/plans/")
    html = response.content.decode()
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"""\s(style|on\w+)=["']""", html)
    assert all(address.startswith("/") for address in re.findall(r'(?:src|href)="([^"#]*)"', html) if address)


def test_no_template_has_inline_style_or_script():
    folders = [site_settings.ROOT / folder for folder in ("platform/web", "platform/accounts")]
    templates = [template for folder in folders for template in Path(folder).rglob("templates/**/*.html")]
    assert len(templates) > 20
    offending = [
        t.name for t in templates if re.search(r"""\s(style|on[a-z]+)=["']|<style|<script(?![^>]*src=)""", t.read_text())
    ]
    assert offending == []


def test_the_icon_is_found_where_browsers_guess_it(client):
    assert client.get("/favicon.ico").headers["Location"].endswith("/web/icon.svg")


def test_the_strip_brings_its_own_module(client):
    html = Template("{% include 'web/_strip.html' %}").render(
        Context({"items": [{"label": "Read", "url": "/r/", "group": "a"}]})
    )
    assert re.search(r'<script type="module" src="/static/web/strip[^"]*\.js"></script>', html)
