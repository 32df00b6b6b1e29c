"""The hash of a snippet, and when two outputs are the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.sandbox.snippets import (
    Snippet,
    SnippetResult,
    normalised_output,
    outputs_match,
    public_version,
    shown,
    snippet_sha256,
)


def test_what_a_snippet_should_raise_is_no_part_of_its_hash_but_what_it_requires_is() -> None:
    plain = Snippet("print(1)")
    assert snippet_sha256(plain) == snippet_sha256(Snippet("print(1)", raises="ValueError"))
    assert snippet_sha256(plain) != snippet_sha256(Snippet("print(1)", requires="weights/resnet50"))


@pytest.mark.parametrize("same", ["print(1)", "print(1)\n", "\n\nprint(1)   \n\n", "print(1)\r\n"])
def test_blanks_at_the_ends_change_no_hash(same: str) -> None:
    assert snippet_sha256(Snippet(same)) == snippet_sha256(Snippet("print(1)"))


@pytest.mark.parametrize("other", ["print( 1)", " print(1)", "print(1)\n\nprint(1)"])
def test_anything_else_changes_it(other: str) -> None:
    assert snippet_sha256(Snippet(other)) != snippet_sha256(Snippet("print(1)"))


@pytest.mark.parametrize(
    ("option", "printed"),
    [
        ("`(1, 2048)`", "(1, 2048)\n"),
        ("``a `tick` ``", "a `tick`\n"),
        ("(1, 2048)", "(1, 2048)"),
        ("```text\none\ntwo\n```", "one  \ntwo\n\n"),
        ("```\none\n\ntwo\n```", "one\n\ntwo\n"),
        ("one\r\ntwo", "one\ntwo\n"),
    ],
)
def test_an_option_says_what_was_printed(option: str, printed: str) -> None:
    assert outputs_match(option, printed)


@pytest.mark.parametrize(
    ("option", "printed"),
    [("`(1,2048)`", "(1, 2048)"), ("`True`", "true"), ("`1.0`", "1"), ("`one two`", "one\ntwo"), ("`x` or `y`", "x or y")],
)
def test_what_a_reader_would_see_differently_is_different(option: str, printed: str) -> None:
    assert not outputs_match(option, printed)


@given(st.text())
def test_normalising_without_code_marks_changes_nothing_the_second_time(text: str) -> None:
    text = text.replace("`", "").replace("~", "")
    assert normalised_output(normalised_output(text)) == normalised_output(text)


def test_an_error_is_compared_by_the_line_python_prints() -> None:
    result = SnippetResult(output="before\n", raised="ValueError", message="too small")
    assert shown(result, "error") == "ValueError: too small"
    assert shown(result, "output") == "before\n"
    assert SnippetResult(raised="KeyboardInterrupt").error == "KeyboardInterrupt"


def test_a_wheels_local_label_is_no_other_version() -> None:
    assert public_version("2.13.0+cpu") == public_version("2.13.0+cu130") == "2.13.0"


def test_an_address_in_memory_is_as_good_as_any_other() -> None:
    assert outputs_match("<object at 0x7f3a5c1d2e80>", "<object at 0x7ffd00aa11b0>")
    assert outputs_match("`<object at 0x7f3a5c1d2e80>`", "<object at 0x7ffd00aa11b0>")
    assert not outputs_match("0x1f", "0x2f")  # a number in hexadecimal, which the code computed


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.12 s", "0.13 s"), ("cuda:0", "cpu"), ("/tmp/a", "/tmp/b"), ("1.0", "1.00"), ("a  b", "a b"), ("Cat", "cat")],
)
def test_timings_devices_paths_and_digits_count(one: str, other: str) -> None:
    assert not outputs_match(one, other)
