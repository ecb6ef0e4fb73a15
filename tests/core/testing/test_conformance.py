"""The suites have teeth: each catches a component that breaks the rule it is about, and passes one that does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEADER = """
import dataclasses, itertools
TURN = itertools.cycle([1, -1, 1])
import numpy as np
import pytest
from plait.config import check_request
from plait.contracts import *
from plait.contracts.errors import GenerationError, ReadError
from plait.testing import BlockChunker, LetterEmbedder
from plait.testing.conformance import *
"""

RETRIEVER = """
class Overlap:
    columns = (Column("words", "sparse"),)
    def fingerprint(self):
        return {"version": 1}
    def encode(self, batch):
        return {"words": [dict.fromkeys(passage.embedding_text.lower().split(), 1.0) for passage in batch.passages]}
    def retrieve(self, query, view, k):
        column, scores = view.sparse("words"), np.zeros(len(view))
        for word in set(query.text.lower().split()) & set(column.vocabulary):
            number = column.vocabulary[word]
            scores[column.rows[column.indptr[number]:column.indptr[number + 1]]] += 1
        allowed = view.allowed(query.filters)
        if allowed is not None:
            scores = scores * allowed
        best = [row for row in np.argsort(-scores, kind="stable") if scores[row] > 0][:k]
        return view.hits(np.array(best, dtype=int), scores[best])
class TestIt(RetrieverConformance):
    @pytest.fixture
    def retriever(self):
        return Overlap()
"""

CHUNKER = """
class Blocks(BlockChunker):
    pass
class TestIt(ChunkerConformance):
    @pytest.fixture
    def chunker(self):
        return Blocks()
"""

FUSION = """
class Sum:
    def fuse(self, query, runs, k):
        strands = {}
        for label, run in runs.items():
            for rank, hit in enumerate(run, 1):
                strands.setdefault(hit.passage_id, (hit, []))[1].append(Strand(label, rank, hit.score, 1 / (60 + rank)))
        fused = [dataclasses.replace(hit, score=sum(s.share for s in found), strands=tuple(found))
                 for hit, found in strands.values()]
        return sorted(fused, key=lambda hit: -hit.score)[:k]
class TestIt(FusionConformance):
    @pytest.fixture
    def fusion(self):
        return Sum()
"""

EMBEDDER = """
class Letters:
    dimension = 64
    def fingerprint(self):
        return {"version": 1}
    def embed_passages(self, texts):
        vectors = np.full((len(texts), 64), 0.1)
        for row, text in enumerate(texts):
            for character in text:
                vectors[row, ord(character) % 64] += 1
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    embed_queries = embed_passages
class TestIt(EmbedderConformance):
    @pytest.fixture
    def embedder(self):
        return Letters()
"""

COUNTING = """
class Counting(LetterEmbedder):
    pass
class TestIt(EmbedderConformance):
    @pytest.fixture
    def embedder(self):
        return Counting()
"""

RANKER = """
class Shortest:
    def rank(self, query, hits, view):
        ordered = sorted(hits, key=lambda hit: len(view.passage(hit.row).text))
        return [dataclasses.replace(hit, score=1 / rank) for rank, hit in enumerate(ordered, 1)]
class TestIt(RankerConformance):
    @pytest.fixture
    def ranker(self):
        return Shortest()
"""

GENERATOR = """
class First:
    context_tokens = None
    soft_tokens = 2
    def embedding_space(self):
        return EmbeddingSpace("first", 3, 0.5)
    def count_tokens(self, messages):
        markers = sum(len(message.slots) for message in messages) * self.soft_tokens
        return sum(len(message.content.split()) for message in messages) + markers
    def generate(self, requests):
        done = [list(self.stream(request)) for request in requests]
        return [Generation("".join(c.text for c in chunks), chunks[-1].finish_reason, chunks[-1].usage)
                for chunks in done]
    def stream(self, request):
        check_request(request, "generator first")
        for vectors in request.soft_tokens.values():
            if vectors.shape != (2, 3) or vectors.dtype != np.float32 or not np.isfinite(vectors).all():
                raise GenerationError("bad soft tokens")
            if vectors.any():
                yield Chunk("structured ")
        if request.json_schema is not None:
            raise GenerationError("no JSON")
        if request.choices:
            yield Chunk(request.choices[0], "stop", Usage(1, 1))
            return
        words = request.evidence[0].passage.text.split()[:request.max_tokens]
        for word in words:
            yield Chunk(word + " ")
        yield Chunk("", "stop", Usage(self.count_tokens(request.messages), len(words)))
class TestIt(GeneratorConformance):
    @pytest.fixture
    def generator(self):
        return First()
"""

READER = """
import hashlib
class Plain:
    def accepts(self, path):
        return path.suffix == ".plain"
    def read(self, path, report):
        try:
            content = path.read_bytes()
            text = content.decode()
        except (OSError, ValueError) as error:
            raise ReadError(str(error), where=str(path)) from error
        if not text.strip():
            raise ReadError("the file is empty", where=str(path))
        source = Source(str(path), hashlib.sha256(content).hexdigest(), "plain")
        yield Document(path.stem, path.stem, (Section("", (Text(text.strip()),)),), {}, (), source)
class TestIt(ReaderConformance):
    @pytest.fixture
    def reader(self):
        return Plain()
    @pytest.fixture
    def path(self, tmp_path):
        file = tmp_path / "braids.plain"
        file.write_text("Three strands hold.")
        return file
"""

ALL = {
    "retriever": RETRIEVER,
    "chunker": CHUNKER,
    "fusion": FUSION,
    "embedder": EMBEDDER,
    "counting": COUNTING,
    "ranker": RANKER,
    "generator": GENERATOR,
    "reader": READER,
}

BREAKS = [
    ("retriever", "[:k]\n", "\n", "test_returns_at_most_k"),
    ("retriever", "scores = scores * allowed", "pass", "test_respects_filters"),
    ("retriever", "np.argsort(-scores", "np.argsort(scores", "test_returns_hits_best_first"),
    ("retriever", '{"version": 1}', '{"version": (1,)}', "test_its_fingerprint_is_json"),
    ("retriever", '"words", "sparse")', '"words", "text")', "test_encodes_exactly_the_columns"),
    ("retriever", "return view.hits(", "return view.hits(-1 - ", "test_its_hits_name_passages"),
    ("retriever", "if scores[row] > 0", "if False", "test_finds_something"),
    ("retriever", "if scores[row] > 0", "", "test_finds_nothing_when_the_filter"),
    ("retriever", "return view.hits(", "best = best[::next(TURN)]\n        return view.hits(", "test_answers_the_same"),
    ("chunker", "pass\n", "def chunk(self, d):\n        return super().chunk(d)[1:]\n", "test_passages_are_numbered"),
    ("chunker", "pass\n", "def chunk(self, d):\n        return super().chunk(d)[:-1]\n", "test_passages_leave_no_text"),
    (
        "chunker",
        "pass\n",
        "def chunk(self, d):\n        return [dataclasses.replace(p, text=p.text.upper()) for p in super().chunk(d)]\n",
        "test_a_passage_is_exactly_its_span",
    ),
    ("chunker", "pass\n", "def fitted(self, embedders):\n        return self\n", "test_its_passages_are_what"),
    ("fusion", "[:k]", "", "test_returns_at_most_k"),
    ("fusion", "-hit.score", "hit.score", "test_returns_hits_best_first"),
    ("fusion", "hit.score, 1 / (60", "0.0, 1 / (60", "test_strands_say"),
    ("fusion", "runs.items()", "list(runs.items())[:1]", "test_strands_say"),
    ("embedder", ".astype(np.float32)", "", "test_its_vectors_have_length_1"),
    ("embedder", " / np.linalg.norm(vectors, axis=1, keepdims=True)", "", "test_its_vectors_have_length_1"),
    ("embedder", "enumerate(texts)", "enumerate(sorted(texts))", "test_a_text_has_the_same_vector"),
    ("embedder", "+= 1", "+= 0", "test_different_texts"),
    ("ranker", "1 / rank", "rank", "test_returns_hits_best_first"),
    (
        "counting",
        "pass\n",
        "token_starts = lambda self, t: [s[::-1] for s in super().token_starts(t)]\n",
        "test_it_counts",
    ),
    (
        "counting",
        "return Counting()",
        "made = Counting(windows=False)\n        made.coverage = Counting().coverage\n        return made",
        "test_what_it_says_it_reads",
    ),
    (
        "ranker",
        "ordered = sorted(",
        "hits.reverse() if hits else 0; ordered = sorted(",
        "test_leaves_what_it_was_given",
    ),
    ("ranker", "score=1 / rank)", "score=1 / rank, row=0)", "test_returns_only_what_it_was_given"),
    ("generator", '        check_request(request, "generator first")\n', "", "test_values_outside_their_bounds"),
    ("generator", 'Chunk("", "stop"', 'Chunk("", None', "test_writes_an_answer_and_ends_it_once"),
    ("generator", "[:request.max_tokens]", "* 9", "test_counts_what_it_read_and_wrote"),
    ("generator", "evidence[0]", "evidence[request.seed > 0]", "test_a_greedy_answer_is_reproducible"),
    ("generator", "for request in requests]", "for request in requests[:1] * len(requests)]", "test_a_batch_says_what"),
    ("generator", "Chunk(request.choices[0]", 'Chunk("an essay"', "test_a_choice_is_one_of_those_given"),
    ("generator", 'raise GenerationError("no JSON")', 'yield Chunk("{}")', "test_a_json_schema_is_followed_or_refused"),
    ("generator", "if vectors.any()", "if True", "test_soft_tokens_of_zero_change_nothing"),
    ("generator", " + markers", "", "test_markers_count_as_tokens"),
    (
        "generator",
        " or not np.isfinite(vectors).all()",
        "",
        "test_soft_tokens_that_could_harm_the_backend_are_refused[not a number]",
    ),
    (
        "generator",
        "vectors.shape != (2, 3)",
        "False",
        "test_soft_tokens_that_could_harm_the_backend_are_refused[too wide]",
    ),
    ("generator", "def embedding_space(", "def elsewhere(", "test_says_what_it_can_take"),
    ("reader", 'path.suffix == ".plain"', "True", "test_accepts_its_own_kind"),
    ("reader", "(OSError, ValueError)", "OSError", "test_a_damaged_file"),
    ("reader", "(OSError, ValueError)", "ValueError", "test_a_missing_file"),
    ("reader", "sha256(content)", "sha256(text[1:].encode())", "test_says_where_each_document"),
]


def _run(folder: Path, files: dict[str, str]) -> dict[str, list[str]]:
    """Runs every suite in one process; returns the failed tests of each file."""
    for name, text in files.items():
        (folder / f"test_{name}.py").write_text(HEADER + text)
    command = [sys.executable, "-m", "pytest", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider", "-c", "/dev/null"]
    result = subprocess.run(
        [*command, f"--rootdir={folder}", folder], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert result.returncode in {0, 1}, result.stdout + result.stderr
    failed: dict[str, list[str]] = {name: [] for name in files}
    for line in result.stdout.splitlines():
        if line.startswith("FAILED "):
            file, _, test = line.removeprefix("FAILED ").partition("::")
            failed[Path(file).stem.removeprefix("test_")].append(test.split("::")[-1])
    return failed


def test_a_component_that_keeps_the_contract_passes(tmp_path: Path) -> None:
    assert _run(tmp_path, ALL) == {name: [] for name in ALL}


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Every broken component in one run: starting pytest for each would take a minute."""
    files = {}
    for number, (kind, old, new, _) in enumerate(BREAKS):
        assert old in ALL[kind], f"break {number} no longer applies"
        files[f"break_{number}"] = ALL[kind].replace(old, new)
    return _run(tmp_path_factory.mktemp("broken"), files)


@pytest.mark.parametrize("number", range(len(BREAKS)), ids=[f"{kind}-{test}" for kind, _, _, test in BREAKS])
def test_a_component_that_breaks_a_rule_is_caught(failures: dict[str, list[str]], number: int) -> None:
    wanted = BREAKS[number][3]
    assert any(test.startswith(wanted) for test in failures[f"break_{number}"]), failures[f"break_{number}"]
