"""Pooled descriptors as a kind of signature."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semsig.errors import OptionError
from semsig.search import PooledIndex
from semsig.segment import Segmenter, gives_features, require_features
from semsig.signatures.base import Inputs, Needs, Why
from semsig.signatures.pooled.encoding import PooledOptions, pooled
from semsig.types import PooledSchema, PooledSignature


@dataclass(frozen=True)
class PooledEncoder:
    """Features of one network to pooled descriptors.

    Parameters
    ----------
    schema : PooledSchema
        The network, and how its features are pooled.
    """

    schema: PooledSchema
    needs = Needs(features=True)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Pooling, power and dimensions."""
        schema = self.schema
        return {"pool": schema.pool, "power": schema.power, "dims": schema.dims}

    def __call__(self, inputs: Inputs) -> PooledSignature:
        """Return the descriptor of a photo's features."""
        if inputs.features is None:
            inputs.pixels()
            raise OptionError("Expected a photo with features, got one that was not described.")
        return pooled(inputs.features, self.schema)


class PooledKind:
    """Pooled descriptors: what the network's last feature map holds, anywhere."""

    name = "pooled"
    title = "pooled descriptors"
    folder = "pooled"
    kept: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ("squared L2",)
    fused_metric = "squared L2"
    has_levels = False
    rank = 1
    index = PooledIndex
    leave_out = None

    def scale(self, schema: PooledSchema) -> float:  # noqa: ARG002
        """Return 1/2: squared distances at unit length are 0 to 2 where no value is negative."""
        return 0.5

    def is_default(self, segmenter: Segmenter) -> bool:
        """Tell whether the network gives features."""
        return gives_features(segmenter)

    def encoder(
        self, segmenter: Segmenter, *, options: PooledOptions | None = None
    ) -> PooledEncoder:
        """Return an encoder of a network's features; OptionError if it gives none."""
        dims = require_features(segmenter).n_features
        return PooledEncoder((options or PooledOptions()).schema(segmenter.fingerprint, dims))

    def search_options(self, metric: str) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: there is one distance."""
        return {}

    def keep(self, encoder: PooledEncoder, folder: Path) -> None:
        """Do nothing: the schema is all."""

    def encoder_of(self, schema: PooledSchema, folder: Path) -> PooledEncoder:  # noqa: ARG002
        """Return the encoder of a schema."""
        return PooledEncoder(schema)

    def explain(self, encoder: PooledEncoder, a: Inputs, b: Inputs, names: tuple[str, str]) -> Why:
        """Say how near two photos are."""
        raise NotImplementedError


POOLED = PooledKind()
"""The kind, as the registry finds it."""
