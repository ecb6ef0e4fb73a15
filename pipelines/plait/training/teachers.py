"""Language models of a pipeline that training can work with: those that run in this process."""

from __future__ import annotations

from plait.contracts.errors import ConfigError
from plait.fusion.tokens.fid_generator import FusionInDecoderGenerator
from plait.fusion.tokens.frozen import FrozenReader
from plait.fusion.tokens.gold import AnswerReader
from plait.fusion.tokens.reader_settings import ReaderSettings
from plait.fusion.tokens.reader_training import Untrained
from plait.fusion.tokens.soft_token_reader import SoftTokenReader
from plait.generators.local.generator import Transformers
from plait.rag import Rag

__all__ = ["answer_reader", "reader_settings", "untrained_reader"]

Local = Transformers | FusionInDecoderGenerator


def answer_reader(rag: Rag) -> AnswerReader:
    """The pipeline's generator as one that says how likely answers are.

    Raises:
        ConfigError: it does not run in this process.
        ModelError: the model cannot be loaded.
    """
    generator = _local(rag)
    if isinstance(generator, Transformers):
        return FrozenReader(generator.language_model)
    return generator.untrained(generator.config.dimension)


def reader_settings(rag: Rag, steps: int | None = None) -> ReaderSettings:
    """How the pipeline's generator is taught structure.

    Raises:
        ConfigError: it cannot be taught from here, or its settings leave structure out.
    """
    generator, chosen = _local(rag), {} if steps is None else {"steps": steps}
    if isinstance(generator, FusionInDecoderGenerator):
        if not generator.structure_file:
            raise ConfigError(
                "the generator's settings name a file of structural weights, which would be used in place of new ones",
                where=str(rag.path),
                fix="leave 'weights' out of use('fusion-in-decoder', ...)",
            )
        return ReaderSettings(**chosen)
    if not generator.soft_tokens:
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
    generator = _local(rag)
    if isinstance(generator, Transformers):
        frozen = FrozenReader(generator.language_model, settings.soft_tokens)
        return lambda width: SoftTokenReader.untrained(frozen, width, settings, seed)
    return lambda width: generator.untrained(width, seed)


def _local(rag: Rag) -> Local:
    generator = rag.parts.generator
    if isinstance(generator, Local):
        return generator
    raise ConfigError(
        f"the generator {rag.pipeline.generator.name!r} cannot be taught from here, nor teach: only a model in this "
        "process tells how likely answers are, and hands back gradients",
        where=str(rag.path),
        choices=("transformers", "fusion-in-decoder"),
        fix="train with use('transformers', soft_tokens=True); a server of the same model can use the result",
    )
