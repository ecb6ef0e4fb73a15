"""Whatever the order, the runs and the interruptions in which documents come and go, the same facts are stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.contracts import Document, Edge, Reference, Section, Text
from plait.docgraph import GraphSettings, Linker, Record, Resolver, build_graph, fact_settings
from plait.docgraph.facts import stated_facts
from plait.docgraph.linking import by_source
from plait.testing import MemoryView


def paper(name: str, *cites: str | Reference, title: str = "", **metadata: object) -> Document:
    references = tuple(c if isinstance(c, Reference) else Reference(identifiers={"id": c}) for c in cites)
    return Document(name, title or f"On the matter of {name}", (Section("", (Text("A."),)),), metadata, references)


SHARED = "A title that two papers have"
CORPUS = [
    paper("a", "b", "gone", "a", Reference(title="The third paper of this corpus", year=2003), authors=["A. Doe"]),
    paper("b", Reference(identifiers={"doi": "10.1000/c", "arxiv": "2001.00001"}), Reference(title=SHARED)),
    paper("c", "a", "h", title="The third paper of this corpus", year=2003, identifiers={"doi": "10.1000/c"}),
    paper("d", title=SHARED, year=2001, identifiers={"arxiv": "2001.00001"}, venue="Proc. of Knots"),
    paper("e", Reference("Roe. A title that two papers have. 1980."), title=SHARED, year=1980, authors=["B. Roe"]),
    paper("f", "f", "a", "a", title="Once more", identifiers={"doi": "10.1000/c"}),
    paper("g", Reference("B. Roe, A title that two papers have (1980)"), Reference(title="On the matter of h", year=1)),
    paper("h", "c", "g", year=1999, authors=["A. Doe", "B. Roe"]),
    # A longer title hides a shorter one in a text; blanks in ids count; a text may be longer than what is kept of it.
    paper("i", Reference("Roe, B. The art of knots and braids. 1980."), title="The art of knots and", year=1980),
    paper("j", "k  l", title="The art of knots and braids", year=1980, authors=["B. Roe"]),
    paper("k  l", Reference("x " * 3000 + "Roe, B. The art of knots and braids. 1980."), title="k l"),
    paper("k l", Reference(identifiers={"id": "k  l", "doi": "10.1000/none"})),
    # Two papers count as one by their title until a third of this title tells them apart.
    paper("m", title="A study in four words", year=2020, authors=["A. Doe"], identifiers={"doi": "10.1000/m"}),
    paper("n", title="A study in four words", year=2020, authors=["A. Doe"], identifiers={"arxiv": "2001.00009"}),
    paper("o", title="A study in four words", year=2020, authors=["A. Doe"], identifiers={"doi": "10.1000/o"}),
    paper("p", Reference(identifiers={"doi": "10.1000/m", "arxiv": "2001.00009"})),
]


@dataclass
class Store:
    """What an index holds, and a run of additions to it as ingest makes one, without files."""

    documents: dict[str, Document] = field(default_factory=dict)
    facts: dict[str, list[Edge]] = field(default_factory=dict)
    unlinked: bool = False

    def run(self, batches: Sequence[Sequence[Document]], gone: Sequence[str] = (), stopped: bool = False) -> None:
        """Adds in batches and removes; a stopped run has stored its batches and never comes to its end."""
        linker = Linker(MemoryView(list(self.documents.values()), ()), GraphSettings())
        anew, self.unlinked = self.unlinked, self.unlinked or stopped
        for batch in batches:
            self.facts |= {document.id: [] for document in batch} | by_source(linker.link(batch))
            self.documents |= {document.id: document for document in batch}
        for name in gone:
            del self.documents[name], self.facts[name]
        linker.forget(gone)
        if not stopped:
            every = [fact for facts in self.facts.values() for fact in facts]
            self.facts |= linker.changes(every, all_anew=anew)
            self.unlinked = False

    def sets(self) -> dict[str, set[Edge]]:
        return {name: set(facts) for name, facts in self.facts.items()}


def at_once(documents: Sequence[Document]) -> dict[str, set[Edge]]:
    resolver = Resolver(map(Record.of, documents))
    return {document.id: set(stated_facts(document, resolver, GraphSettings())) for document in documents}


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[list[list[Document]], list[str], bool]]:
    """Runs in which all documents come and some go at the end: (batches, ids that go, whether the run is stopped)."""
    waiting = draw(st.permutations(CORPUS))
    runs: list[tuple[list[list[Document]], list[str], bool]] = []
    inside: list[str] = []
    again = draw(st.integers(0, 4))
    while waiting:
        size = draw(st.integers(1, len(waiting)))
        now, waiting = waiting[:size], waiting[size:]
        cut = draw(st.integers(0, len(now)))
        inside += [document.id for document in now]
        leaving = draw(st.lists(st.sampled_from(inside), max_size=min(again, 2), unique=True))
        again -= len(leaving)
        runs.append(([part for part in (now[:cut], now[cut:]) if part], [], draw(st.booleans())))
        if leaving:
            runs.append(([], leaving, draw(st.booleans())))
            inside = [name for name in inside if name not in leaving]
            waiting += [document for document in CORPUS if document.id in leaving]
    gone = draw(st.lists(st.sampled_from(inside), max_size=4, unique=True))
    return [*runs, ([], gone, draw(st.booleans())), ([], [], False)]


@given(histories())
@settings(max_examples=100, deadline=None)
def test_any_history_stores_what_adding_at_once_stores_and_makes_the_same_graph(
    history: list[tuple[list[list[Document]], list[str], bool]],
) -> None:
    store = Store()
    for batches, gone, stopped in history:
        store.run(batches, gone, stopped)
    assert store.sets() == at_once([document for document in CORPUS if document.id in store.documents])
    documents = list(store.documents.values())
    built = build_graph(documents, facts=[fact for facts in store.facts.values() for fact in facts])
    expected = build_graph(documents)
    for name, relation in expected.relations.items():
        mine = built.relations[name]
        for ours, theirs in ((mine.source, relation.source), (mine.target, relation.target)):
            assert np.array_equal(ours, theirs), name
        assert np.array_equal(mine.weight, relation.weight), name


def test_a_document_whose_title_changes_is_cited_by_its_new_title() -> None:
    store = Store()
    store.run([[paper("a", Reference(title="The second title of b")), paper("b", title="The first title of b")]])
    assert [fact.target for fact in store.facts["a"]] == [""]
    store.run([[paper("b", title="The second title of b")]])
    assert [fact.target for fact in store.facts["a"]] == ["b"]


def test_nothing_else_is_written_again() -> None:
    stored = [paper("a", "b", Reference(title="Nobody wrote this title yet")), paper("b")]
    linker = Linker(MemoryView(stored, ()), GraphSettings())
    facts = [fact for known in at_once(stored).values() for fact in known]
    facts += linker.link([paper("c", "a", title="Something entirely different")])
    assert linker.changes(facts) == {}


def test_a_document_that_could_not_be_stored_leaves_the_old_one_in_its_place() -> None:
    old, citing = paper("old", title="The first title of old"), paper("x", Reference(title="The first title of old"))
    store = Store()
    store.run([[old, citing]])
    before = store.sets()
    linker = Linker(MemoryView(list(store.documents.values()), ()), GraphSettings())
    linker.link([paper("old", title="Another title")])
    linker.link([paper("never")])
    linker.restore("old")
    linker.restore("never")
    changed = linker.changes([fact for facts in store.facts.values() for fact in facts], all_anew=True)
    assert changed == {}
    assert store.sets() == before


def test_a_run_that_changed_nothing_looks_at_nothing() -> None:
    linker = Linker(MemoryView(CORPUS, ()), GraphSettings())
    assert linker.changes([Edge("a", "cites", "nonsense", 0.5, "\tid=b")]) == {}


def test_facts_depend_on_where_topics_and_institutions_come_from_and_on_no_other_setting() -> None:
    chosen = GraphSettings(topics_from=("field", "keywords"), group_cap=7, relations=("cites",))
    assert fact_settings(chosen) == {"topics_from": ["field", "keywords"], "institutions_from": ["institutions"]}
