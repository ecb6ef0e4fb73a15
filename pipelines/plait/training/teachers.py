"""Language models of a pipeline that training can work with: those that tell how likely given answers are."""

from __future__ import annotations

from plait.contracts import EmbeddingGenerator, ScoringGenerator, StructureLearner
from plait.contracts.errors import ConfigError
from plait.fusion.tokens.answer_reader import AnswerReader
from plait.fusion.tokens.lessons import ReaderSettings
from plait.fusion.tokens.reader_training import Untrained
from plait.fusion.tokens.soft_token_reader import FrozenReader, SoftTokenReader
from plait.rag import Rag

__all__ = ["answer_reader", "reader_settings", "untrained_reader"]


def answer_reader(rag: Rag) -> AnswerReader:
    """The pipeline's generator as one that says how likely answers are.

    Raises:
        ConfigError: it does not run in this process.
        ModelError: the model cannot be loaded.
    """
    generator = rag.parts.generator
    if isinstance(generator, StructureLearner):
        reader: AnswerReader = generator.answer_reader()
        return reader
    if isinstance(generator, ScoringGenerator):
        return FrozenReader(generator.scoring_model())
    raise _refused(rag)


def reader_settings(rag: Rag, steps: int | None = None) -> ReaderSettings:
    """How the pipeline's generator is taught structure.

    Raises:
        ConfigError: it cannot be taught from here, or its settings leave structure out.
    """
    generator, chosen = rag.parts.generator, {} if steps is None else {"steps": steps}
    if isinstance(generator, StructureLearner):
        if not generator.structure_file:
            raise ConfigError(
                "the generator's settings name a file of structural weights, which would be used in place of new ones",
                where=str(rag.path),
                fix=f"leave 'weights' out of use({rag.pipeline.generator.name!r}, ...)",
            )
        return ReaderSettings(**chosen)
    if not isinstance(generator, ScoringGenerator):
        raise _refused(rag)
    if not isinstance(generator, EmbeddingGenerator) or not generator.soft_tokens:
        raise ConfigError(
            "the generator takes no soft tokens",
            where=str(rag.path),
            fix="write use('transformers', soft_tokens=True) in the pipeline",
        )
    return ReaderSettings(soft_tokens=generator.soft_tokens, **chosen)


def untrained_reader(rag: Rag, settings: ReaderSettings, seed: int) -> Untrained:
    """Makes readers of structure, all of the pipeline's one model.

    Raises:
        ConfigError: it does not run in this process.
        ModelError: the model cannot be loaded.
    """
    generator = rag.parts.generator
    if isinstance(generator, StructureLearner):
        return lambda width: generator.untrained(width, seed)
    if isinstance(generator, ScoringGenerator):
        model = generator.scoring_model()
        return lambda width: SoftTokenReader.untrained(model, width, settings, seed)
    raise _refused(rag)


def _refused(rag: Rag) -> ConfigError:
    return ConfigError(
        f"the generator {rag.pipeline.generator.name!r} cannot be taught from here, nor teach: only a model in this "
        "process tells how likely answers are, and hands back gradients",
        where=str(rag.path),
        choices=("transformers", "fusion-in-decoder"),
        fix="train with use('transformers', soft_tokens=True); a server of the same model can use the result",
    )
