"""Rankings by several signatures as one: the weighted mean of their distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError

FUSED = "fused"
"""What a ranking by several signatures is called where signatures are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FusionOptions:
    """What each signature counts where several rank together.

    The fused distance is sum(share * d) / sum(share) over the signatures that there are, each
    distance d scaled to 0..1.

    Parameters
    ----------
    shares : mapping of str to float
        Share of each signature, by its name; finite, above 0. By
        ``python -m scripts.choose_defaults`` on held-out training photos (lite, n = 3, KAZE, a
        projection that saw none of them; docs/defaults.md): descriptors alone have mAP 0.705, with
        blocks at 0.1, 0.2 and 0.4 beside them 0.716, 0.717 and 0.707, with phrases 0.716, 0.714
        and 0.701, with both at 0.1 the most, 0.719, and map_paper 0.844 instead of 0.834. Blocks
        and phrases without descriptors do best half and half, 0.551.

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
            Of some of the signatures, by name, each scaled to 0..1.
        """
        total = sum(self.shares[name] for name in distances)
        fused = sum(np.float32(self.shares[name] / total) * d for name, d in distances.items())
        return np.asarray(fused, np.float32)
