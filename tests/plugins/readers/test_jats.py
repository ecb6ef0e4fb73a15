"""JATS articles become documents; nothing external is ever loaded or expanded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plait.contracts import Document, Equation, Figure, Reader, ReadReport, Table, Text
from plait.contracts.errors import ReadError
from plait.readers.jats import Config, JatsReader

Write = Callable[[str, str | bytes], Path]

ARTICLE = """<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE article PUBLIC "-//NLM//DTD JATS (Z39.96) Journal Publishing DTD v1.2//EN" "JATS-publishing1.dtd">
<article xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:mml="http://www.w3.org/1998/Math/MathML">
<front>
 <journal-meta><journal-title-group><journal-title>Braid Letters</journal-title></journal-title-group></journal-meta>
 <article-meta>
  <article-id pub-id-type="doi">10.1000/braid.1</article-id><article-id pub-id-type="pmc">PMC1</article-id>
  <article-categories><subj-group><subject>Topology</subject></subj-group></article-categories>
  <title-group><article-title>On <italic>braids</italic><xref ref-type="fn">*</xref></article-title></title-group>
  <contrib-group>
   <contrib contrib-type="author"><name><surname>Byron</surname><given-names>Ada</given-names></name></contrib>
   <contrib contrib-type="author"><collab>The Weavers</collab></contrib>
   <contrib contrib-type="editor"><name><surname>Ed</surname><given-names>Itor</given-names></name></contrib>
  </contrib-group>
  <pub-date><year>2024</year></pub-date><pub-date><year>2023</year></pub-date>
  <abstract><p>We braid.</p></abstract>
  <kwd-group><kwd>fusion</kwd><kwd>Topology</kwd></kwd-group>
  <permissions><license><license-p>Free.</license-p></license></permissions>
 </article-meta>
</front>
<body>
 <p>Before any heading.</p>
 <sec><label>1</label><title>Introduction</title>
  <p>It weighs 10<sup>5</sup> kg<xref ref-type="bibr" rid="r1"><sup>1</sup></xref>, see
     <inline-formula><alternatives><tex-math>$a_i$</tex-math><mml:math><mml:mi>a</mml:mi></mml:math></alternatives>
     </inline-formula>.<fn><label>1</label><p>A footnote.</p></fn></p>
  <sec><title>Data</title>
   <p>Text before <disp-formula><label>(1)</label><tex-math>z = t + g</tex-math></disp-formula> and after.</p>
   <disp-formula><mml:math><mml:mi>x</mml:mi><mml:mo>=</mml:mo><mml:mn>1</mml:mn></mml:math></disp-formula>
   <list list-type="order"><list-item><p>one</p></list-item><list-item><p>two</p>
     <list list-type="bullet"><list-item><p>deep</p></list-item></list></list-item></list>
  </sec>
 </sec>
 <sec><title>Results</title>
  <table-wrap><label>Table 1</label><caption><p>Scores.</p></caption>
   <table><thead><tr><th>model</th><th>score</th></tr></thead>
   <tbody><tr><td>BM25</td><td>.68</td></tr><tr><td colspan="2">all</td></tr></tbody></table>
   <table-wrap-foot><p>Higher is better.</p></table-wrap-foot></table-wrap>
  <fig><label>Figure 1</label><caption><title>The gate</title><p>opens.</p></caption><alt-text>A gate</alt-text>
   <graphic xlink:href="gate.png"/></fig>
  <preformat>x = 1
y = 2</preformat>
  <boxed-text><caption><title>Box</title></caption><p>Boxed.</p></boxed-text>
  <unheard-of>Still text.</unheard-of>
  <disp-quote><p>Quoted.</p></disp-quote>
 </sec>
</body>
<back>
 <ack><p>Thanks.</p></ack>
 <app-group><app><title>Proofs</title><p>Proof.</p></app></app-group>
 <fn-group><fn id="f1"><label>2</label><p>An endnote.</p></fn></fn-group>
 <ref-list><title>References</title>
  <ref id="r1"><element-citation publication-type="journal"><person-group><name><surname>Turing</surname>
   <given-names>A M</given-names></name></person-group><article-title>Computing machinery</article-title>
   <source>Mind</source><year>1950</year><volume>59</volume><pub-id pub-id-type="doi">10.1093/mind</pub-id>
   </element-citation></ref>
  <ref id="r2"><mixed-citation>Byron A. Notes. 1843. <ext-link xlink:href="https://doi.org/10.1000/n">x</ext-link>
   </mixed-citation></ref>
 </ref-list>
</back>
<sub-article><front-stub/><body><p>Other.</p></body></sub-article>
</article>
"""


def read(path: Path, report: ReadReport | None = None, **settings: Any) -> Document:
    (document,) = JatsReader(Config(**settings)).read(path, ReadReport() if report is None else report)
    return document


@pytest.fixture
def document(write: Write) -> Document:
    return read(write("braid.xml", ARTICLE))


def test_articles_are_accepted_by_suffix_or_by_their_root(write: Write) -> None:
    assert isinstance(JatsReader(), Reader)
    assert JatsReader().accepts(write("a.nxml", "x"))
    assert JatsReader().accepts(write("a.JATS", "x"))
    assert JatsReader().accepts(write("a.xml", ARTICLE))
    assert JatsReader().accepts(write("b.xml", "<!-- <other/> --><article/>".encode("utf-16")))
    assert not JatsReader().accepts(write("c.xml", "<html/>"))
    assert not JatsReader().accepts(write("paper.jats/a.txt", "x").parent)


@pytest.mark.parametrize("content", ["", " \n", "not XML", "\x00\x01binary", "<?xml version='1.0'?>", "text <html/>"])
def test_an_xml_file_that_is_no_xml_is_refused_by_name(write: Write, content: str) -> None:
    path = write("broken.xml", content)
    assert JatsReader().accepts(path)
    with pytest.raises(ReadError, match=r"broken\.xml"):
        read(path)
    assert not JatsReader().accepts(write("late.xml", f"<!--{'x' * 5_000}--><html/>"))
    assert not JatsReader().accepts(write("mark.xml", "\ufeff<html/>"))


def test_the_front_becomes_id_title_and_metadata(document: Document) -> None:
    assert (document.id, document.title) == ("10.1000/braid.1", "On braids")
    assert document.metadata == {
        "authors": ["Ada Byron", "The Weavers"],
        "year": 2023,
        "venue": "Braid Letters",
        "topics": ["fusion", "Topology"],
        "identifiers": {"doi": "10.1000/braid.1", "pmcid": "PMC1"},
    }


def test_sections_keep_order_level_and_role(document: Document) -> None:
    assert [(section.title, section.level, section.role) for section in document.sections] == [
        ("Abstract", 1, "abstract"),
        ("", 1, "body"),
        ("1 Introduction", 1, "body"),
        ("Data", 2, "body"),
        ("Results", 1, "body"),
        ("Acknowledgements", 1, "body"),
        ("Proofs", 1, "appendix"),
        ("Notes", 1, "body"),
    ]


def test_running_text_keeps_exponents_formulas_and_footnotes(document: Document) -> None:
    assert document.sections[2].blocks == (Text("It weighs 10^5 kg1, see a_i."), Text("A footnote."))
    assert document.sections[7].blocks == (Text("An endnote."),)


def test_blocks_inside_a_paragraph_part_it(document: Document) -> None:
    assert document.sections[3].blocks == (
        Text("Text before"),
        Equation("z = t + g"),
        Text("and after."),
        Equation("x = 1"),
        Text("1. one\n2. two\n  - deep"),
    )


def test_tables_figures_and_the_rest_are_typed(document: Document) -> None:
    assert document.sections[4].blocks == (
        Table(("model", "score"), (("BM25", ".68"), ("all", "")), "Table 1 Scores."),
        Text("Higher is better."),
        Figure("gate.png", "Figure 1 The gate opens.", "A gate"),
        Text("x = 1\ny = 2"),
        Text("Box"),
        Text("Boxed."),
        Text("Still text."),
        Text("Quoted."),
    )


def test_the_bibliography_becomes_references_and_no_text(document: Document) -> None:
    first, second = document.references
    assert (first.title, first.year, dict(first.identifiers)) == ("Computing machinery", 1950, {"doi": "10.1093/mind"})
    assert first.text == "Turing A M. (1950). Computing machinery. Mind. 59. 10.1093/mind"
    assert (second.year, dict(second.identifiers)) == (None, {"doi": "10.1000/n"})
    assert second.text.startswith("Byron A. Notes. 1843.")
    assert "Computing machinery" not in document.text


def test_what_is_left_out_is_counted(write: Write) -> None:
    report = ReadReport()
    path = write("braid.xml", ARTICLE)
    read(path, report)
    assert report.skipped == {
        (path.as_posix(), "<sub-article>"): 1,
        (path.as_posix(), "front matter <permissions>"): 1,
    }


def test_without_doi_and_title_the_file_name_serves(write: Write) -> None:
    document = read(write("stem.nxml", "<article><body><p>Text.</p></body></article>"))
    assert (document.id, document.title) == ("stem", "stem")


def test_named_characters_of_an_unloaded_dtd_are_understood(write: Write) -> None:
    text = '<!DOCTYPE article SYSTEM "x.dtd"><article><body><p>a&nbsp;b&eacute;&unknown;c</p></body></article>'
    assert read(write("a.nxml", text)).sections[0].blocks == (Text("a bé&unknown;c"),)


LAUGHS = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(9))


@pytest.mark.parametrize(
    "entities",
    [
        '<!ENTITY x SYSTEM "file:///etc/hostname">',
        '<!ENTITY x SYSTEM "http://127.0.0.1:9/x">',
        f'<!ENTITY l0 "ha">{LAUGHS}<!ENTITY x "&l9;">',
        '<!ENTITY x "harmless">',
    ],
)
def test_defined_entities_are_refused_and_never_expanded(write: Write, entities: str) -> None:
    path = write("a.nxml", f"<!DOCTYPE article [{entities}]><article><body><p>a&x;b</p></body></article>")
    with pytest.raises(ReadError, match=r"a\.nxml.*(defines the entity|not well-formed).*Fix"):
        read(path)


def test_an_entity_in_an_attribute_is_not_expanded_either(write: Write) -> None:
    doctype = f'<!DOCTYPE article [<!ENTITY l0 "ha">{LAUGHS}]>'
    path = write("a.nxml", f'{doctype}<article a="&l9;"><body><p>x</p></body></article>')
    with pytest.raises(ReadError):
        read(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ("", "empty"),
        (ARTICLE[:3000], r"braid\.xml:\d+: this is not well-formed XML.*fetch it again"),
        ("<html><body/></html>", "root is <html>"),
        ("<article><info/><para>DocBook</para></article>", "not a JATS <article>"),
        ("\x00\x01binary", "not well-formed"),
        ('<?xml version="1.0" encoding="utf-8"?><article><body><p>caf\udce9</p></body></article>', "not well-formed"),
        ("<article><body>" + "<sec>" * 5_000 + "</sec>" * 5_000 + "</body></article>", "not well-formed"),
    ],
)
def test_what_is_no_article_is_refused(write: Write, content: str, match: str) -> None:
    path = write("braid.xml", content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ReadError, match=match) as caught:
        read(path)
    assert caught.value.fix


def test_deep_but_allowed_nesting_is_read(write: Write) -> None:
    deep = "<article><body>" + "<sec><title>t</title>" * 100 + "<p>deep</p>" + "</sec>" * 100 + "</body></article>"
    assert read(write("a.nxml", deep)).text.endswith("deep")


def test_text_directly_inside_a_container_is_kept(write: Write) -> None:
    loose = "<article><body>one <sec>two<title>S</title><p>three</p></sec></body></article>"
    first, second = read(write("a.nxml", loose)).sections
    assert [block.text for block in first.blocks] == ["one"]
    assert second.title == "S"
    assert [block.text for block in second.blocks] == ["two", "three"]
