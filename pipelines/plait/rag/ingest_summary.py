"""What one run of adding, removing or rebuilding documents did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from plait.contracts import Coverage, ReadReport

__all__ = ["IngestSummary"]


@dataclass(slots=True)
class IngestSummary:
    """What one ``add``, ``remove`` or ``rebuild`` did."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    passages: int = 0
    coverage: dict[str, Coverage | None] = field(default_factory=dict)
    """How much of the passages each encoder has read, by the label of what asked it; None where it does not tell."""
    missing: list[str] = field(default_factory=list)
    """Documents in the index whose file is no longer under the added folder; ``prune`` removes them."""
    report: ReadReport = field(default_factory=ReadReport)
    commit: int = 0

    @property
    def failures(self) -> list[Exception]:
        """What could not be read or encoded; everything else went in."""
        return self.report.failures

    def note_coverage(self, label: str, part: Coverage | None) -> None:
        """Adds what an encoder has read of some passages, or that it does not tell."""
        before = self.coverage.get(label, Coverage())
        self.coverage[label] = None if part is None or before is None else before + part

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return {
            "commit": self.commit,
            "added": self.added,
            "updated": self.updated,
            "removed": self.removed,
            "unchanged": self.unchanged,
            "passages": self.passages,
            "coverage": {label: part and asdict(part) for label, part in self.coverage.items()},
            "missing": self.missing,
            "skipped": [
                {"where": where, "what": what, "count": count}
                for (where, what), count in sorted(self.report.skipped.items())
            ],
            "failures": [str(error) for error in self.report.failures],
        }
