"""Features of a network's last feature map -> pooled descriptor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError, SignatureError
from semsig.types import PooledSchema, PooledSignature
from semsig.types.pooled import Pool

_POOLS = get_args(Pool)
"""In the order of the rows that networks answer with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledOptions:
    """How a feature map becomes a descriptor.

    Parameters
    ----------
    pool : {"spoc", "mac", "gem"}
        How it is pooled over the photo.
    power : float
        Exponent of each value, above 0 to 1. Chosen, as `pool`, on training photos by
        ``python -m scripts.choose_pooled``.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    pool: Pool = "spoc"
    power: float = 1.0

    def __post_init__(self) -> None:
        if self.pool not in _POOLS:
            raise OptionError(f"Expected pool {', '.join(_POOLS)}, got {self.pool!r}.")
        if not 0 < self.power <= 1:
            raise OptionError(f"Expected power above 0 to 1, got {self.power}.")

    def schema(self, network: str, dims: int) -> PooledSchema:
        """Return the schema of descriptors of a network, named by its fingerprint."""
        return PooledSchema(network=network, pool=self.pool, power=float(self.power), dims=dims)


def pooled(features: NDArray[np.float32], schema: PooledSchema) -> PooledSignature:
    """Return a photo's pooled descriptor.

    The pooled values are raised to the schema's power and scaled to a largest code of 127.

    Parameters
    ----------
    features : ndarray of float32, shape (3, D)
        Mean, maximum and generalised mean of the feature map, not negative, as
        :meth:`semsig.segment.FeatureSegmenter.describe` returns them.
    schema : PooledSchema
        What to make.

    Raises
    ------
    SignatureError
        If the features have another shape, or values that are negative or not finite.
    """
    if features.shape != (len(_POOLS), schema.dims):
        raise SignatureError(
            f"Expected features of shape ({len(_POOLS)}, {schema.dims}), got {features.shape}."
        )
    values = features[_POOLS.index(schema.pool)].astype(np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise SignatureError("Expected features that are finite and not negative.")
    raised = values**schema.power
    largest = raised.max()
    codes = np.rint(raised * (127 / largest)) if largest > 0 else raised
    return PooledSignature(codes.astype(np.int8), schema)
