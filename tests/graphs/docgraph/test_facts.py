"""Facts are owned by their documents, and come out the same in whatever order documents arrive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations

import pytest

from plait.contracts import Document, Edge, Reference
from plait.docgraph import FactsReport, GraphSettings, Record, Resolver, facts_of, updated_facts
from plait.docgraph.labels import shown

Paper = Callable[..., Document]


def _by_title(title: str, year: int | None = None) -> Reference:
    return Reference(title=title, year=year)


@pytest.fixture
def corpus(paper: Paper) -> list[Document]:
    """References by id and title, two papers of one title, one paper twice, identifiers that disagree."""
    shared = "A title that two papers have"
    return [
        paper("a", "b", "gone", _by_title("The third paper of this corpus", 2003), authors=["A. Doe"]),
        paper("b", Reference(identifiers={"doi": "10.1000/c", "arxiv": "2001.00001"}), _by_title(shared)),
        paper("c", "a", title="The third paper of this corpus", year=2003, identifiers={"doi": "10.1000/c"}),
        paper("d", title=shared, year=2001, identifiers={"arxiv": "2001.00001"}),
        paper("e", Reference("Roe. A title that two papers have. 1980."), title=shared, year=1980, authors=["B. Roe"]),
        paper("f", "f", title="Once more", identifiers={"doi": "10.1000/c"}),
    ]


def _at_once(documents: Sequence[Document]) -> dict[str, set[Edge]]:
    resolver = Resolver(Record.of(document) for document in documents)
    return {source: set(facts) for source, facts in facts_of(documents, resolver).items()}


def test_what_is_stored_one_after_the_other_is_what_is_stored_at_once(corpus: list[Document]) -> None:
    expected = _at_once(corpus)
    for order in list(permutations(corpus))[::7]:
        resolver = Resolver()
        stored: dict[str, list[Edge]] = {}
        for document in order:
            resolver.add(Record.of(document))
            stored |= facts_of([document], resolver, stored=stored)
        assert {source: set(facts) for source, facts in stored.items()} == expected


@pytest.mark.parametrize("leaving", range(6))
def test_a_document_that_goes_and_comes_back_leaves_no_trace(corpus: list[Document], leaving: int) -> None:
    resolver = Resolver(Record.of(document) for document in corpus)
    stored = facts_of(corpus, resolver)
    gone = corpus[leaving]
    record = resolver.remove(gone.id)
    assert record is not None
    del stored[gone.id]
    stored |= updated_facts(stored, [record], resolver)
    rest = [document for document in corpus if document is not gone]
    assert {source: set(facts) for source, facts in stored.items()} == _at_once(rest)
    resolver.add(Record.of(gone))
    stored |= facts_of([gone], resolver, stored=stored)
    assert {source: set(facts) for source, facts in stored.items()} == _at_once(corpus)


def test_a_document_whose_title_changes_is_cited_by_its_new_title(paper: Paper) -> None:
    citing = paper("a", _by_title("The second title of b"))
    resolver = Resolver([Record.of(citing), Record("b", "The first title of b")])
    stored = facts_of([citing], resolver)
    assert stored["a"][0].target == ""
    changed = paper("b", title="The second title of b")
    resolver.replace(Record.of(changed))
    assert facts_of([changed], resolver, stored=stored)["a"][0].target == "b"


def test_nothing_else_is_written_again(paper: Paper) -> None:
    documents = [paper("a", "b", _by_title("Nobody wrote this title yet")), paper("b")]
    resolver = Resolver(Record.of(document) for document in documents)
    stored = facts_of(documents, resolver)
    new = paper("c", "a", title="Something entirely different")
    resolver.add(Record.of(new))
    assert facts_of([new], resolver, stored=stored).keys() == {"c"}


def test_all_kinds_of_facts_are_made(paper: Paper) -> None:
    document = paper(
        "a",
        authors=["Doe, J."],
        venue="Proc. of Braids 1999",
        topics=["Knot theory", "knot Theory"],
        field=["Maths"],
        institutions="MIT",
    )
    settings = GraphSettings(topics_from=("topics", "field"))
    facts = facts_of([document], Resolver([Record.of(document)]), settings=settings)["a"]
    assert facts == [
        Edge("a", "author", "doe, j", 1.0, "Doe, J."),
        Edge("a", "venue", "braids", 1.0, "Proc. of Braids 1999"),
        Edge("a", "topic", "knot theory", 1.0, "Knot theory"),
        Edge("a", "topic", "maths", 1.0, "Maths"),
        Edge("a", "institution", "mit", 1.0, "MIT"),
    ]


def test_the_report_says_how_and_why_not(corpus: list[Document]) -> None:
    report = FactsReport()
    facts_of(corpus, Resolver(Record.of(document) for document in corpus), report=report)
    assert report.resolved == {"id": 3, "title": 1}
    assert report.unresolved == {"unknown identifier": 1, "identifiers disagree": 1, "ambiguous": 1, "other year": 1}
    source, reason, label = report.examples[0]
    assert (source, reason, shown(label)) == ("a", "unknown identifier", "id gone")


def test_an_equal_reference_is_stored_once(paper: Paper) -> None:
    documents = [
        paper("a", "b", "b", _by_title("On the paper b", 1999), "x", "x"),
        paper("b", title="On the paper b", year=1999),
    ]
    report = FactsReport()
    facts = facts_of(documents, Resolver(Record.of(document) for document in documents), report=report)["a"]
    assert [(fact.target, fact.confidence) for fact in facts] == [("b", 1.0), ("b", 0.95), ("", 0.0)]
    assert report.repeated == 2


def test_ids_with_odd_characters_are_cited(paper: Paper) -> None:
    odd = "ä/ <b>&\"'"
    documents = [paper("a", odd), paper(odd)]
    assert facts_of(documents, Resolver(Record.of(d) for d in documents))["a"][0].target == odd
