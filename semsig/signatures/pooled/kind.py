"""Pooled descriptors as a kind of signature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from semsig.search import PooledIndex
from semsig.segment import Segmenter, gives_features, require_features
from semsig.signatures.base import Inputs, Needs
from semsig.signatures.pooled.encoding import PooledEncoder, PooledOptions
from semsig.signatures.pooled.projection import Projection
from semsig.signatures.pooled.regions import RegionMatches, match_regions
from semsig.types import PooledSchema
from semsig.types.metrics import POOLED_METRICS

PROJECTION = "pooled.npz"
"""File of the projection, if there is one, in the folder of the photos' index."""


class PooledKind:
    """Pooled descriptors: what the network's last feature map holds, anywhere."""

    name = "pooled"
    title = "pooled descriptors"
    folder = "pooled"
    kept: tuple[str, ...] = (PROJECTION,)
    metrics: tuple[str, ...] = tuple(POOLED_METRICS)
    fused_metric = "l2sq"
    has_levels = False
    rank = 1
    index = PooledIndex
    leave_out = None

    def scale(self, schema: PooledSchema) -> float:
        """Return 1/4, or 1/2 where no value is negative: squared distances at unit length."""
        return 0.25 if schema.projection else 0.5

    def suits(self, segmenter: Segmenter) -> bool:
        """Tell whether the network gives features."""
        return gives_features(segmenter)

    def is_default(self, segmenter: Segmenter) -> bool:
        """Tell whether it suits the segmenter."""
        return self.suits(segmenter)

    def encoder(
        self, segmenter: Segmenter, *, options: PooledOptions | None = None
    ) -> PooledEncoder:
        """Return an encoder of a network's features; OptionError if it gives none."""
        channels = require_features(segmenter).n_features
        return (options or PooledOptions()).encoder(segmenter.fingerprint, channels)

    def search_options(self, metric: str) -> dict[str, Any]:
        """Return the metric."""
        return {"metric": metric}

    def keep(self, encoder: PooledEncoder, folder: Path) -> None:
        """Write the projection, if there is one."""
        if encoder.projection is not None:
            encoder.projection.save(folder / PROJECTION)

    def encoder_of(self, schema: PooledSchema, folder: Path) -> PooledEncoder:
        """Return the encoder of a schema, with the projection stored next to it.

        Raises
        ------
        ProjectionError
            If it is missing or damaged, or another one.
        """
        projection = Projection.open(folder / PROJECTION) if schema.projection else None
        return PooledEncoder(schema=schema, projection=projection)

    def explain_needs(self, encoder: PooledEncoder) -> Needs:  # noqa: ARG002
        """Return that the whole feature map is needed."""
        return Needs(features=True, maps=True)

    def explain(
        self,
        encoder: PooledEncoder,
        a: Inputs,
        b: Inputs,
        names: tuple[str, str],  # noqa: ARG002
    ) -> RegionMatches:
        """Find the parts of two photos that match by their features."""
        return match_regions(a.described(), b.described(), encoder)


POOLED = PooledKind()
"""The kind, as the registry finds it."""
