"""Several systems side by side: their measures, and which differences are no chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from semsig.errors import OptionError
from semsig.evaluate.results import Evaluation
from semsig.evaluate.runs import same_queries
from semsig.evaluate.significance import SAMPLES, Difference, differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Systems:
    """Results of several systems on the same queries.

    Parameters
    ----------
    results : mapping of str to Evaluation
        By the systems' names, in the order that they were asked for.
    tested : str
        The measure whose differences are tested.
    differences : tuple of Difference
        Of every pair.
    """

    results: Mapping[str, Evaluation]
    tested: str
    differences: tuple[Difference, ...]

    @classmethod
    def of(
        cls, results: Mapping[str, Evaluation], tested: str = "map", *, samples: int = SAMPLES
    ) -> Systems:
        """Put systems side by side and test every pair.

        Raises
        ------
        OptionError
            If there is no system, or `tested` was not measured.
        DatasetError
            If they were asked different queries.
        """
        if not results:
            raise OptionError("Expected at least one system, got none.")
        for name, result in results.items():
            if tested not in result.scores:
                measured = ", ".join(result.scores)
                raise OptionError(f"Expected to test one of {measured} of {name}; got {tested!r}.")
        scores = same_queries(results, tested)
        return cls(results=results, tested=tested, differences=differences(scores, samples=samples))

    def as_dict(self) -> dict[str, Any]:
        """Return everything but the single queries, for JSON."""
        return {
            "systems": {name: result.as_dict() for name, result in self.results.items()},
            "tested": self.tested,
            "differences": [asdict(each) for each in self.differences],
        }
