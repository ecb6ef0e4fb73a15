"""Verifier ``none``: nothing is checked, and nothing is shown as if it were."""

from __future__ import annotations

from collections.abc import Sequence

from plait.contracts import Claim, Evidence, IndexView, Support

__all__ = ["Unchecked"]


class Unchecked:
    """Marks every sentence as unchecked."""

    def verify(self, claims: Sequence[Claim], evidence: Sequence[Evidence], view: IndexView) -> list[Support]:  # noqa: ARG002
        """``unchecked`` for each claim, without spans."""
        return [Support("unchecked", reason="nothing was checked: the pipeline's verifier is 'none'") for _ in claims]
