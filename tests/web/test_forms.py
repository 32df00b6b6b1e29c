"""How a form is shown: labels, help and errors belong to their fields, and a summary leads to them."""

from __future__ import annotations

import re

from django.template.loader import render_to_string

from tests.web.forms import Everything


def shown(**values: str) -> str:
    return render_to_string("web/_form.html", {"form": Everything(values) if values else Everything()})


def test_every_label_and_description_points_to_something_that_is_there():
    html = shown(title="")
    ids = set(re.findall(r'\bid="([^"]+)"', html))
    pointed = [name for names in re.findall(r'\b(?:for|aria-describedby)="([^"]+)"', html) for name in names.split()]
    assert pointed
    assert set(pointed) <= ids
    assert set(re.findall(r'href="#([^"]+)"', html)) <= ids


def test_errors_are_summed_up_at_the_top_and_said_at_the_field():
    html = shown(title="")
    assert html.index('role="alert"') < html.index("<label")
    assert 'aria-invalid="true"' in html
    assert "Nothing was saved." in html
    assert html.count("This field is required.") == 2 * 4


def test_an_untouched_form_complains_of_nothing():
    html = shown()
    assert "alert" not in html
    assert "aria-invalid" not in html


def test_optional_fields_say_so():
    assert shown().count("(optional)") == 1


def test_values_are_escaped():
    assert "<b>" not in shown(body="<b>")
