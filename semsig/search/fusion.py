"""Fusion of the rankings by several signatures: the weighted mean of their distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError

FUSED = "fused"
"""Name of a fused ranking, used like the name of a signature."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOptions:
    """Weight of each signature in a fused ranking.

    The fused distance is sum(share * d) / sum(share) over the available signatures, each distance
    d being scaled to 0..1.

    Parameters
    ----------
    shares : mapping of str to float
        Share of each signature, by its name; finite, above 0. Chosen by
        ``python -m scripts.choose_defaults`` on held-out training photos (lite, n = 3, KAZE, a
        projection that was not fitted on them; docs/defaults.md). Pooled descriptors alone have
        mAP 0.705. Adding blocks with share 0.1, 0.2 or 0.4 gives 0.716, 0.717 or 0.707; adding
        phrases with these shares gives 0.716, 0.714 or 0.701. Both at 0.1 are best: 0.719, and a
        map_paper of 0.844 instead of 0.834. Blocks and phrases without descriptors are best with
        equal shares, 0.551.

    Raises
    ------
    OptionError
        If a share is out of range, or there is none.
    """

    shares: Mapping[str, float] = field(
        default_factory=lambda: {"sbs": 0.1, "sbovp": 0.1, "pooled": 1.0}
    )

    def __post_init__(self) -> None:
        for name, share in self.shares.items():
            if not 0 < share < np.inf:
                raise OptionError(f"Expected shares above 0, got {share} for {name!r}.")
        if not self.shares:
            raise OptionError("Expected a share for each signature, got none.")
        object.__setattr__(self, "shares", MappingProxyType(dict(self.shares)))

    def fuse(self, distances: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the fused distances, float32 of the shape that all given ones have.

        Parameters
        ----------
        distances : mapping of str to ndarray of float32
            Distances by any of the signatures, by name, each scaled to 0..1.
        """
        total = sum(self.shares[name] for name in distances)
        fused = sum(np.float32(self.shares[name] / total) * d for name, d in distances.items())
        return np.asarray(fused, np.float32)
