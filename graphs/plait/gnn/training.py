"""Training by link prediction: deterministic, resumable, and never through the pairs that are being predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from plait.contracts.errors import ConfigError, ModelError
from plait.gnn import TrainingSettings
from plait.gnn.encoder_graph import Graph, Pairs, pair_keys
from plait.gnn.encoders import Encoder, build_encoder, device_of
from plait.gnn.links import info_nce, true_elsewhere
from plait.gnn.sampling import NeighbourSampler
from plait.gnn.trained import Trained, check_features

__all__ = ["TrainingProgress", "supervision_pairs", "train"]

_MOMENTS = ("exp_avg", "exp_avg_sq", "step")  # what AdamW remembers of a parameter


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """One finished step: its number from 1, how many there are, and its loss."""

    step: int
    steps: int
    loss: float


def train(
    graph: Graph,
    features: NDArray[np.float32],
    settings: TrainingSettings,
    *,
    seed: int = 0,
    progress: Callable[[TrainingProgress], None] | None = None,
    state: Path | None = None,
    every: int = 20,
    resume_from: Path | None = None,
) -> Trained:
    """Trains an encoder to tell linked documents from others.

    Every step draws its batch and its neighbours from the seed and the step's number alone, so that a run which was
    interrupted and resumed ends with the same bits as one that was not, on the same machine. Pairs of the batch are
    taken out of message passing in all relations; memory follows the batch and its neighbours.

    Args:
        graph: the training graph. Held-out pairs must not be in it, see :func:`plait.gnn.links.holdout`.
        features: text vectors of length 1, shape (documents, dimension).
        settings: encoder and training.
        seed: of the parameters, the batches and the neighbours.
        progress: called after every step.
        state: file to save the training state in.
        every: after how many steps it is saved.
        resume_from: a training state to go on from, of the same settings, seed, and graph.

    Raises:
        ConfigError: the graph lacks a relation; the relation to predict has no pairs; the training state is of
            another run.
        ModelError: the features do not fit the graph, or training diverged.
    """
    check_features(graph, features)
    device = device_of(settings.device)
    encoder = build_encoder(settings, features.shape[1], seed).to(device)
    pairs = supervision_pairs(graph, settings.supervision)
    run = _Run(
        encoder,
        torch.optim.AdamW(encoder.parameter_groups(settings.matrix_rate, settings.gate_rate), weight_decay=0.0),
        NeighbourSampler(graph, settings.relations),
        np.require(features, np.float32, ["C", "W"]),
        pairs,
        pair_keys(pairs, len(graph.ids)),
        settings,
        seed,
        device,
    )
    done = _load_state(resume_from, encoder, run.optimiser, run.identity) if resume_from else 0
    encoder.train()
    for step in range(done, run.steps):
        loss = run.take(step)
        if not np.isfinite(loss):
            raise ModelError(
                f"the loss is {loss} in step {step + 1} of {run.steps}",
                where=f"graph encoder {settings.encoder!r}",
                fix="lower learning_rate or raise temperature",
            )
        if state is not None and ((step + 1) % every == 0 or step + 1 == run.steps):
            _save_state(state, encoder, run.optimiser, run.identity, step + 1)
        if progress is not None:
            progress(TrainingProgress(step + 1, run.steps, loss))
    encoder.eval()
    return Trained(encoder, settings, features.shape[1], seed)


def supervision_pairs(graph: Graph, relation: str) -> Pairs:
    """The pairs of a relation, self ties left out, each once; shape (k, 2).

    Raises:
        ConfigError: the graph has no such relation, or it has fewer than two pairs.
    """
    if relation not in graph.relations:
        raise ConfigError(
            f"there is no relation {relation!r} to learn from", where="graph encoder", choices=graph.relations
        )
    edges = graph.relations[relation]
    table: Pairs = np.unique(np.stack([edges.source, edges.target], axis=1), axis=0)
    different: Pairs = table[table[:, 0] != table[:, 1]]
    if len(different) < 2:
        raise ConfigError(
            f"the relation {relation!r} has {len(different)} pairs, which is too few to learn from",
            where="graph encoder",
            fix="add documents whose references resolve, or use the closed-form propagation, which needs no training",
        )
    return different


@dataclass(frozen=True, slots=True)
class _Run:
    """What stays the same in all steps."""

    encoder: Encoder
    optimiser: torch.optim.Optimizer
    sampler: NeighbourSampler
    text: NDArray[np.float32]
    pairs: Pairs
    linked: NDArray[np.int64]
    settings: TrainingSettings
    seed: int
    device: torch.device

    @property
    def batch(self) -> int:
        return min(self.settings.batch, len(self.pairs))

    @property
    def steps(self) -> int:
        return min(self.settings.max_steps, self.settings.epochs * (len(self.pairs) // self.batch))

    @property
    def identity(self) -> dict[str, Any]:
        """What a training state has to agree with (JSON)."""
        settings = self.settings.model_dump(mode="json", exclude={"device"})
        return {"settings": settings, "seed": self.seed, "graph": self.sampler.digest(), "pairs": len(self.pairs)}

    def drawn(self, step: int) -> Pairs:
        """The pairs of a step: slices of a shuffled pass over all; what fills no batch waits for the next pass."""
        epoch, within = divmod(step, len(self.pairs) // self.batch)
        order = np.random.default_rng([self.seed, 1, epoch]).permutation(len(self.pairs))
        drawn: Pairs = self.pairs[order[within * self.batch : (within + 1) * self.batch]]
        return drawn

    def take(self, step: int) -> float:
        """One step of gradient descent; its loss."""
        documents = self.sampler.documents
        batch = self.drawn(step)
        targets, places = np.unique(batch, return_inverse=True)
        blocks = self.sampler.blocks(
            targets,
            self.encoder.depth,
            fan_out=self.settings.fan_out,
            random=np.random.default_rng([self.seed, 2, step]),
            excluded=pair_keys(batch, documents),
        )
        features = torch.from_numpy(self.text[blocks[0].nodes]).to(self.device)
        vectors = self.encoder(features, [block.to(self.device) for block in blocks])
        first, second = torch.from_numpy(places.reshape(-1, 2).T.copy()).to(self.device)
        ignored = torch.from_numpy(true_elsewhere(batch, self.linked, documents)).to(self.device)
        loss = info_nce(vectors[first], vectors[second], self.settings.temperature, ignored)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.optimiser.step()
        return float(loss.detach())


def _save_state(
    path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer, run: Mapping[str, Any], step: int
) -> None:
    """Writes parameters, the optimiser's moments and how many steps are done."""
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    for name, value in encoder.named_parameters():
        tensors[f"encoder.{name}"] = value.detach().cpu().contiguous()
        for moment, tensor in optimiser.state.get(value, {}).items():
            tensors[f"{moment}.{name}"] = torch.as_tensor(tensor).detach().cpu().contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    save_file(tensors, unfinished, metadata={"run": json.dumps(run, sort_keys=True), "step": str(step)})
    unfinished.replace(path)


def _load_state(path: Path, encoder: Encoder, optimiser: torch.optim.Optimizer, run: Mapping[str, Any]) -> int:
    """Puts a saved state into encoder and optimiser; how many steps were done.

    Raises:
        ModelError: the file is missing or no training state.
        ConfigError: it is of a run with other settings, another seed or another graph.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        theirs, step = json.loads(about["run"]), int(about["step"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"this is no training state ({error})", where=str(path), fix="train from the start") from error
    ours = json.loads(json.dumps(run))
    different = [key for key in ours if theirs.get(key) != ours[key]]
    if different:
        raise ConfigError(
            f"this training state is of another run: {', '.join(different)} differ",
            where=str(path),
            fix="resume with the settings, seed and graph it was begun with, or train from the start",
        )
    with torch.no_grad():
        for name, value in encoder.named_parameters():
            value.copy_(tensors[f"encoder.{name}"])
            moments = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS if f"{moment}.{name}" in tensors}
            if moments:
                optimiser.state[value] = {
                    moment: tensor if moment == "step" else tensor.to(value.device)
                    for moment, tensor in moments.items()
                }
    return step
