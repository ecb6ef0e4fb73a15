"""The built components of one pipeline, made late: a question that needs no generator loads none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any

from plait.config import Pipeline, Use
from plait.contracts import (
    Chunker,
    ColumnSource,
    Embedder,
    FittingChunker,
    Fusion,
    Gate,
    Generator,
    HasEmbedder,
    Ranker,
    Reader,
    Retriever,
    StructureSource,
    TokenCounting,
    VectorFusion,
    Verifier,
)
from plait.contracts.errors import ConfigError, IdentityError
from plait.hooks import Assembly, Kind, PluginHost

if TYPE_CHECKING:
    from plait.docgraph.relations import GraphSettings

__all__ = ["Parts", "compare_identity", "differences"]


class Parts:
    """Builds what a pipeline names, each part once and only when it is first needed.

    Args:
        pipeline: the validated pipeline.
        host: where its components are looked up.
    """

    def __init__(self, pipeline: Pipeline, host: PluginHost) -> None:
        self.pipeline = pipeline
        self.host = host
        self._assembly = Assembly(host)

    @cached_property
    def readers(self) -> dict[str, Reader]:
        """Readers by name, in the pipeline's order."""
        return {use.name: self._assembly.build("reader", use) for use in self.pipeline.readers}

    @cached_property
    def chunker(self) -> Chunker:
        """The chunker, fitted to what the pipeline's embedders read, where it can be and they tell."""
        chunker = self._assembly.build("chunker", self.pipeline.chunker)
        if not isinstance(chunker, FittingChunker):
            return chunker
        return chunker.fitted([made for made in self.embedders.values() if isinstance(made, TokenCounting)])

    @cached_property
    def embedders(self) -> dict[str, Embedder]:
        """The encoders of passages by the label of what asks them; one that several share stands with the first."""
        found: dict[str, Embedder] = {}
        for label, source in self.column_sources.items():
            if isinstance(source, HasEmbedder) and not any(source.embedder is known for known in found.values()):
                found[label] = source.embedder
        return found

    @cached_property
    def retrievers(self) -> dict[str, Retriever]:
        """Retrievers by label: the name, with ``-2``, ``-3`` ... where one is used more than once.

        Raises:
            ConfigError: two retrievers would write the same column.
        """
        labelled: dict[str, Retriever] = {}
        owners: dict[str, str] = {}
        for use in self.pipeline.retrievers:
            label = next(name for name in _labels(use.name) if name not in labelled)
            retriever = self._assembly.build("retriever", use)
            for column in retriever.columns:
                if column.name in owners:
                    raise ConfigError(
                        f"retrievers {owners[column.name]!r} and {label!r} both write the column {column.name!r}",
                        where="pipeline: retrievers",
                        fix=f"give one of them another name: use({use.name!r}, column='{column.name}2', ...)",
                    )
                owners[column.name] = label
            labelled[label] = retriever
        return labelled

    @cached_property
    def fusion(self) -> Fusion:
        """The fusion.

        Raises:
            ConfigError: it would write a column that a retriever writes.
        """
        fusion: Fusion = self._assembly.build("fusion", self.pipeline.fusion)
        if isinstance(fusion, VectorFusion):
            taken = {column.name: label for label, made in self.retrievers.items() for column in made.columns}
            for column in fusion.columns:
                if column.name in taken:
                    raise _written_twice(
                        column.name, f"fusion {self.pipeline.fusion.name!r}", f"retriever {taken[column.name]!r}"
                    )
        return fusion

    @cached_property
    def column_sources(self) -> dict[str, ColumnSource]:
        """What fills columns of the index, in the order in which it is asked: each sees the columns before its own.

        Raises:
            ConfigError: the ranker would write a column that another writes.
        """
        found: dict[str, ColumnSource] = {
            label: retriever for label, retriever in self.retrievers.items() if retriever.columns
        }
        if isinstance(self.fusion, VectorFusion) and self.fusion.columns:
            label = next(name for name in _labels(self.pipeline.fusion.name) if name not in found)
            found[label] = self.fusion
        if self.pipeline.ranker and isinstance(self.ranker, ColumnSource) and self.ranker.columns:
            taken = {column.name: label for label, source in found.items() for column in source.columns}
            for column in self.ranker.columns:
                if column.name in taken:
                    raise _written_twice(column.name, f"ranker {self.pipeline.ranker.name!r}", repr(taken[column.name]))
            label = next(name for name in _labels(self.pipeline.ranker.name) if name not in found)
            found[label] = self.ranker
        return found

    @cached_property
    def graph_settings(self) -> GraphSettings | None:
        """How the retriever that reads the document graph wants it; None where none does."""
        source = next((made for made in self.retrievers.values() if isinstance(made, StructureSource)), None)
        return None if source is None else source.graph_settings

    @cached_property
    def structure_source(self) -> StructureSource | None:
        """The first retriever that ties documents together; None where none does."""
        return next((made for made in self.retrievers.values() if isinstance(made, StructureSource)), None)

    @cached_property
    def ranker(self) -> Ranker | None:
        """The ranker, if the pipeline has one."""
        use = self.pipeline.ranker
        return self._assembly.build("ranker", self._with_embedder("ranker", use)) if use else None

    @cached_property
    def gate(self) -> Gate:
        """The gate."""
        return self._assembly.build("gate", self._with_embedder("gate", self.pipeline.gate))

    @cached_property
    def generator(self) -> Generator:
        """The generator."""
        return self._assembly.build("generator", self._with_embedder("generator", self.pipeline.generator))

    @cached_property
    def verifiers(self) -> tuple[Verifier, ...]:
        """The verifiers, in the pipeline's order."""
        return tuple(self._assembly.build("verifier", use) for use in self.pipeline.verifiers)

    def _with_embedder(self, kind: Kind, use: Use) -> Use:
        """A component whose embedder was left open gets the one that the first retriever with one is set to.

        Where no retriever has one it stays open: nobody is given a model that they did not ask for.
        """
        open_field, held = self._embedder_field(kind, use)
        if open_field is None or held is not None:
            return use
        for retriever in self.pipeline.retrievers:
            _, held = self._embedder_field("retriever", retriever)
            if held is not None:
                return Use(name=use.name, settings={**use.settings, open_field: held.model_dump()})
        return use

    def _embedder_field(self, kind: Kind, use: Use) -> tuple[str | None, Use | None]:
        """The setting of a component that names an embedder, and what stands in it; None where it has none."""
        parts = self.host.component(kind, use.name).component.parts
        field = next((name for name, part in parts.items() if part == "embedder"), None)
        held = None if field is None else getattr(self._assembly.settings(kind, use), field)
        return field, held if isinstance(held, Use) else None

    def identity(self) -> dict[str, Any]:
        """What the stored columns and passages depend on, as JSON values."""
        if self.graph_settings is not None:
            from plait.docgraph.linking import fact_settings
        return {
            "chunker": {**self._stamp("chunker", self.pipeline.chunker), "fitted": self._fitted()},
            "columns": {
                column.name: {
                    **self._stamp(kind, use),
                    "kind": column.kind,
                    "dimension": column.dimension,
                    "fingerprint": _plain(source.fingerprint()),
                }
                for kind, use, source in self._stamped()
                for column in source.columns
            },
            **({"edges": fact_settings(self.graph_settings)} if self.graph_settings else {}),
        }

    def _fitted(self) -> dict[str, int | None]:
        """How many tokens each embedder reads at once, None where it does not tell: passages are cut to that."""
        if not isinstance(self._assembly.build("chunker", self.pipeline.chunker), FittingChunker):
            return {}
        return {
            label: made.max_tokens if isinstance(made, TokenCounting) else None
            for label, made in self.embedders.items()
        }

    def _stamped(self) -> Iterator[tuple[Kind, Use, ColumnSource]]:
        for use, retriever in zip(self.pipeline.retrievers, self.retrievers.values(), strict=True):
            yield "retriever", use, retriever
        if isinstance(self.fusion, VectorFusion):
            yield "fusion", self.pipeline.fusion, self.fusion
        if self.pipeline.ranker and isinstance(self.ranker, ColumnSource):
            yield "ranker", self.pipeline.ranker, self.ranker

    def readers_identity(self) -> list[dict[str, Any]]:
        """Readers and their settings: when these change, unchanged files are read again."""
        return [self._stamp("reader", use) for use in self.pipeline.readers]

    def _stamp(self, kind: Kind, use: Use) -> dict[str, Any]:
        registered = self.host.component(kind, use.name)
        settings = self._assembly.settings(kind, use)
        stamp: dict[str, Any] = {
            "name": use.name,
            "plugin": _plugin_stamp(registered.distribution, registered.version),
        }
        # What a retriever, fusion or ranker stores depends on its fingerprint; other settings may change freely.
        if settings is not None and kind not in ("retriever", "fusion", "ranker"):
            stamp["settings"] = settings.model_dump(mode="json")
        return stamp


def _written_twice(column: str, one: str, other: str) -> ConfigError:
    return ConfigError(
        f"{one} and {other} both write the column {column!r}",
        where=f"pipeline: {one.split()[0]}",
        fix="give one of them another column",
    )


def _labels(name: str) -> Iterator[str]:
    """The name itself, then ``name-2``, ``name-3`` ..."""
    yield name
    yield from (f"{name}-{number}" for number in count(2))


def _plugin_stamp(distribution: str, version: str) -> str:
    """A third party's exact version; of Plait itself only major and minor, which bugfix releases keep."""
    shown = ".".join(version.split(".")[:2]) if distribution == "plait" else version
    return f"{distribution} {shown}"


def _plain(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _plain(value) if isinstance(value, Mapping) else value for key, value in fingerprint.items()}


def differences(built: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Each leaf where two identities differ, as ``path: built != now``. Keys only in ``built`` do not count.

    An index may hold columns that this pipeline does not use; it must hold those that it does.

    Example:
        >>> differences({"dense": {"model": "a", "dim": 2}}, {"dense": {"model": "b", "dim": 2}})
        ["dense.model: the index has 'a', the pipeline wants 'b'"]
    """
    found: list[str] = []
    for key, wanted in now.items():
        path = f"{prefix}{key}"
        if key not in built:
            found.append(f"{path}: not in the index, the pipeline wants {wanted!r}")
        elif isinstance(wanted, Mapping) and isinstance(built[key], Mapping):
            found += differences(built[key], wanted, f"{path}.")
        elif built[key] != wanted:
            found.append(f"{path}: the index has {built[key]!r}, the pipeline wants {wanted!r}")
    return found


def compare_identity(built: Mapping[str, Any], now: Mapping[str, Any], where: str) -> None:
    """Refuses a pipeline that would read an index built by other parts.

    Vectors of another model may well have the same width; searching them gives nonsense without any error,
    which is why this is checked before every search.

    Raises:
        IdentityError: with every difference and the command that rebuilds.
    """
    found = differences(built, now)
    if found:
        raise IdentityError(
            "this index was built by other parts than the pipeline's: " + "; ".join(found),
            where=where,
            fix=f"use the pipeline it was built with, or run 'plait index rebuild --index {where} --pipeline FILE'",
        )
