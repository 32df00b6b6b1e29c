"""Changing a YAML document in place: nothing is lost, nothing means something else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from studio import yamltext

MESSY = [
    "---",
    "- a",
    "a: b",
    "#x",
    "'",
    '"',
    "yes",
    "1.0",
    "1e5",
    "2024-01-01",
    "1_0",
    "null",
    "\t",
    "{{ x }}",
    "| x",
    "é😀",
    "שלום",
    "::: note",
    "x\n\ny",
    " z ",
    "\u2028",
]
words = st.one_of(
    st.sampled_from(MESSY), st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=30)
)
keys = st.one_of(st.sampled_from(["id", "uid", "slug", "text", "options", "title"]), st.text("abcdef", min_size=1, max_size=4))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(10**15), 10**15), words),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)),
    max_leaves=14,
)
documents = st.dictionaries(keys, values, max_size=5)


@given(values)
@settings(max_examples=300, deadline=None)
def test_a_dumped_value_reads_back_as_itself(value):
    assert yamltext.same(yamltext.load(yamltext.dump(value)), value)


@given(documents, documents)
@settings(max_examples=500, deadline=None)
def test_a_rewritten_document_reads_as_what_was_asked(old, new):
    assert yamltext.same(yamltext.load(yamltext.rewrite(yamltext.dump(old), new)), new)


@given(documents, keys, values)
@settings(max_examples=200, deadline=None)
def test_one_changed_value_leaves_the_lines_of_the_others(old, key, value):
    text = yamltext.dump(old)
    new = {**old, key: value}
    rewritten = yamltext.rewrite(text, new)
    for name, kept in old.items():
        if name != key:
            assert yamltext.dump({name: kept}) in rewritten or not kept


AUTHORED = """\
# Who wrote this, and why
title:   Pictures   # the working title
tags: [vision, ml]

# ask Anna
objectives:
  - {id: one, text: "First"}
  # the hard one
  - id: two
    text: >
      folded
      text
minutes: 012
"""


def test_comments_order_and_quoting_of_untouched_values_stay():
    value = yamltext.load(AUTHORED)
    value["objectives"][1]["text"] = "Second\nline\n"
    value["title"] = "Images: a start"
    assert yamltext.rewrite(AUTHORED, value) == AUTHORED.replace(
        "Pictures   # the working title", "'Images: a start'   # the working title"
    ).replace("title:   ", "title: ").replace(">\n      folded\n      text", "|\n      Second\n      line")


def test_an_unchanged_document_keeps_every_byte():
    assert yamltext.rewrite(AUTHORED, yamltext.load(AUTHORED)) == AUTHORED


@pytest.mark.parametrize(
    "text",
    [
        "{a: 1, b: [1, 2]}",
        "a:\n- 1\n- 2\nb: |+\n  keep\n\n\nc: ''",
        "? a\n: 1\n",
        "a: yes\nb: 2024-13-45\nc: 1e5",
        "a: # nothing\nb: 1",
        "",
        "# only a comment",
        "- - - 1\n    - 2\n",
        "%YAML 1.1\n---\na: 1\n...\n",
    ],
)
def test_odd_documents_are_edited_or_written_anew_but_never_bent(text):
    old = yamltext.load(text)
    for new in ({**(old if isinstance(old, dict) else {}), "z": ["new", {"k": "v\nw"}]}, {"a": [1, 2, 3]}, [1]):
        assert yamltext.same(yamltext.load(yamltext.rewrite(text, new)), new)


def test_what_is_not_yaml_names_its_line():
    with pytest.raises(yamltext.UnreadableError) as caught:
        yamltext.load("a: 1\nb: [1, 2\nc: 3\n")
    assert caught.value.line in (2, 3)
    assert caught.value.message


@pytest.mark.parametrize(
    "text", ["a: \x00", "a: &x {k: 1}\nb: *x\n", "a: 1\na: 2\n", "[" * 5000, "a: *nobody", "!!python/object:os.system x"]
)
def test_hostile_documents_are_refused_with_a_sentence(text):
    with pytest.raises(yamltext.UnreadableError):
        yamltext.load(text)


def test_a_line_is_found_from_its_path_and_back():
    path = ("objectives", 1, "text")
    line = yamltext.line_of(AUTHORED, path)
    assert AUTHORED.splitlines()[line - 1].strip().startswith("text:")
    assert yamltext.path_at(AUTHORED, line) == path
    assert yamltext.path_at(AUTHORED, 3) == ("tags",)
    assert yamltext.line_of(AUTHORED, ("objectives", 7)) == yamltext.line_of(AUTHORED, ("objectives",))
