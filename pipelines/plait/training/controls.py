r"""Whether a gain is more than chance, and more than the same procedure gains on graphs that mean nothing.

A gain is a mean over documents or links, so it has a standard error. The gains on shuffled graphs are a sample of what
degrees alone give; that of one more such graph lies below

.. math:: \bar g + t_{n-1,\,.99} \; s \, \sqrt{1 + 1/n}

with mean :math:`\bar g` and standard deviation :math:`s` of the n gains, in 99 of 100 cases (a prediction interval,
Student's t). A gain has to be above both, and above every one of the n. So no more graphs are shuffled as soon as one
gains as much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Beyond", "beyond"]

_ERRORS = 2.0  # standard errors: what chance gives in one of forty cases
_QUANTILES = {3: 6.965, 4: 4.541, 5: 3.747, 6: 3.365, 7: 3.143, 8: 2.998, 9: 2.896, 10: 2.821}
"""Number of shuffled graphs -> the .99 quantile of Student's t with one degree of freedom less."""


@dataclass(frozen=True, slots=True)
class Beyond:
    """A gain over text, what chance may make of it, and what graphs of the same degrees gain.

    Args:
        value: the mean gain.
        error: its standard error.
        measured: over how many documents or links.
        controls: the gains on shuffled graphs; of fewer than 3 the highest is the bound.
    """

    value: float
    error: float
    measured: int
    controls: tuple[float, ...]

    @property
    def bound(self) -> float:
        """What another shuffled graph stays below in 99 of 100 cases, and what none of these lies above."""
        count, highest = len(self.controls), max(self.controls)
        if count not in _QUANTILES:
            return highest
        spread = float(np.std(self.controls, ddof=1)) * _QUANTILES[count] * float(np.sqrt(1.0 + 1.0 / count))
        return max(highest, float(np.mean(self.controls)) + spread)

    def reason(self, measure: str) -> str:
        """Why it is no gain; empty where it is one."""
        if self.value <= 0.0:
            return f"{measure} is not above that of text alone ({self.value:+.4f})"
        if self.value <= _ERRORS * self.error:
            return (
                f"{measure} is above that of text alone by {self.value:.4f}, no more than chance may give on "
                f"{self.measured:,} of them (standard error {self.error:.4f})"
            )
        if self.value <= self.bound:
            return (
                f"{measure} is above that of text alone by {self.value:.4f}, no more than degrees alone may give: "
                f"shuffled graphs gained {min(self.controls):+.4f} to {max(self.controls):+.4f}, another one may gain "
                f"{self.bound:+.4f}"
            )
        return ""

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "value": self.value,
            "standard_error": self.error,
            "shuffled": list(self.controls),
            "shuffled_bound": self.bound,
        }


def beyond(gains: NDArray[np.float64], controls: Sequence[float]) -> Beyond:
    """The gain of each document or link, and the mean gains on shuffled graphs (at most 10).

    Example:
        >>> found = beyond(np.array([0.2, 0.1, 0.3, 0.2]), [0.01, 0.02, 0.0])
        >>> round(found.value, 3), round(found.bound, 3), found.reason("AUC")
        (0.2, 0.09, '')
    """
    # One alone says nothing of chance: no gain is greater than 1.
    error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else 1.0
    return Beyond(float(gains.mean()), error, len(gains), tuple(controls))
