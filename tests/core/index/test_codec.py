from __future__ import annotations

import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.contracts import Document, Equation, Figure, Reference, Section, Source, Table, Text
from plait.contracts.errors import DocumentError, IndexCorruptError
from plait.index import content_hash, document_from_json, document_to_json

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
blocks = st.one_of(
    st.builds(Text, texts),
    st.builds(Equation, texts),
    st.builds(
        Table,
        st.lists(texts, max_size=3).map(tuple),
        st.lists(st.lists(texts, max_size=3).map(tuple), max_size=3).map(tuple),
        texts,
    ),
    st.builds(Figure, texts, texts, texts, texts),
)
sections = st.builds(
    Section,
    texts,
    st.lists(blocks, max_size=4).map(tuple),
    st.integers(1, 6),
    st.sampled_from(["body", "abstract", "front", "appendix"]),
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(texts, inner, max_size=3)),
    max_leaves=8,
)
references = st.builds(
    Reference, texts, texts, st.one_of(st.none(), st.integers(0, 3000)), st.dictionaries(texts, texts, max_size=2)
)
documents = st.builds(
    Document,
    texts,
    texts,
    st.lists(sections, max_size=3).map(tuple),
    st.dictionaries(texts, json_values, max_size=3),
    st.lists(references, max_size=2).map(tuple),
    st.one_of(st.none(), st.builds(Source, texts, texts, texts, texts)),
)


@given(documents)
def test_every_document_comes_back_exactly(document: Document) -> None:
    back = document_from_json(document_to_json(document))
    assert back == document
    assert back.text == document.text
    assert document_to_json(back) == document_to_json(document)


@given(documents)
def test_the_hash_ignores_the_source_and_nothing_else(document: Document) -> None:
    moved = Document(
        document.id, document.title, document.sections, document.metadata, document.references,
        Source("elsewhere", "0", "text"),
    )  # fmt: skip
    assert content_hash(moved) == content_hash(document)
    retitled = Document(document.id, document.title + "!", document.sections, document.metadata, document.references)
    assert content_hash(retitled) != content_hash(document)
    noted = Document(document.id, document.title, document.sections, {**document.metadata, "new": 1})
    assert content_hash(noted) != content_hash(document)


def test_the_hash_does_not_depend_on_the_order_of_metadata() -> None:
    one, other = ({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert content_hash(Document("d", "", (), one)) == content_hash(Document("d", "", (), other))


def test_tuples_in_metadata_become_lists() -> None:
    assert document_from_json(document_to_json(Document("d", "", (), {"authors": ("A",)}))).metadata["authors"] == ["A"]


@pytest.mark.parametrize("value", [datetime.date(2020, 1, 1), float("nan"), {1: 2}, {"x"}, b"bytes"])
def test_metadata_that_is_not_json_is_refused_by_name(value: Any) -> None:
    with pytest.raises(DocumentError, match=r"metadata\.when.*reader"):
        document_to_json(Document("d", "", (), {"when": value}))


def test_half_a_surrogate_pair_is_refused() -> None:
    with pytest.raises(DocumentError, match="'d'"):
        document_to_json(Document("d", "\ud800", ()))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"id": "a"', '{"id":"a","title":"","sections":[{"blocks":[{}]}]}'])
def test_a_damaged_document_is_named_as_such(text: str) -> None:
    with pytest.raises(IndexCorruptError):
        document_from_json(text)
