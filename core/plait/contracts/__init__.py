"""The vocabulary of Plait: frozen dataclasses and protocols. Imports nothing heavier than numpy."""

from plait.contracts.answer import Answer, Citation, Sentence, Stage, Trace
from plait.contracts.chunker import Chunker
from plait.contracts.document import (
    Block,
    Document,
    Equation,
    Figure,
    PlacedBlock,
    Reference,
    Section,
    Source,
    Table,
    Text,
)
from plait.contracts.edge import Edge
from plait.contracts.embedder import Embedder
from plait.contracts.fusion import Fusion, RankedVectorFusion, VectorFusion
from plait.contracts.gate import Gate, Relevance
from plait.contracts.generator import (
    AsyncGenerator,
    BatchGenerator,
    Chunk,
    EmbeddingGenerator,
    EmbeddingSpace,
    Evidence,
    Generation,
    GenerationRequest,
    Generator,
    Message,
    Slot,
    StructureGenerator,
    StructureWeights,
    Usage,
)
from plait.contracts.passage import Hit, Passage, Span, Strand
from plait.contracts.query import Query
from plait.contracts.ranker import Ranker
from plait.contracts.reader import Reader, ReadReport
from plait.contracts.retriever import (
    Column,
    ColumnValues,
    CorpusColumns,
    IndexView,
    IngestBatch,
    Retriever,
    SparseColumn,
)
from plait.contracts.verifier import Claim, Support, SupportingSpan, Verdict, Verifier

__all__ = [
    "Answer",
    "AsyncGenerator",
    "BatchGenerator",
    "Block",
    "Chunk",
    "Chunker",
    "Citation",
    "Claim",
    "Column",
    "ColumnValues",
    "CorpusColumns",
    "Document",
    "Edge",
    "Embedder",
    "EmbeddingGenerator",
    "EmbeddingSpace",
    "Equation",
    "Evidence",
    "Figure",
    "Fusion",
    "Gate",
    "Generation",
    "GenerationRequest",
    "Generator",
    "Hit",
    "IndexView",
    "IngestBatch",
    "Message",
    "Passage",
    "PlacedBlock",
    "Query",
    "RankedVectorFusion",
    "Ranker",
    "ReadReport",
    "Reader",
    "Reference",
    "Relevance",
    "Retriever",
    "Section",
    "Sentence",
    "Slot",
    "Source",
    "Span",
    "SparseColumn",
    "Stage",
    "Strand",
    "StructureGenerator",
    "StructureWeights",
    "Support",
    "SupportingSpan",
    "Table",
    "Text",
    "Trace",
    "Usage",
    "VectorFusion",
    "Verdict",
    "Verifier",
]
