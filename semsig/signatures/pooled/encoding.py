"""Features of a network's last feature map -> pooled descriptor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError, ProjectionError, SignatureError
from semsig.segment import Segmenter, require_features, require_maps
from semsig.signatures.base import Inputs, Needs
from semsig.signatures.pooled.pooling import pool_map
from semsig.signatures.pooled.projection import Pooling, Projection, shipped_projection
from semsig.types import Image, LabelMap, PooledSchema, PooledSignature
from semsig.types.pooled import Coding, Pool, check_pooling

FROM_NETWORK = ("spoc", "mac", "gem")
"""Pools that networks compute themselves, in the order of their rows; "gem" has exponent 3."""

DIMS = 128
"""Dimensions of a projection that are kept by default; see `PooledOptions`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledOptions:
    """How a feature map becomes a descriptor.

    Parameters
    ----------
    pool : {"spoc", "mac", "gem", "rmac", "crow"}
        How it is pooled over the photo.
    power : float
        Exponent of each value, above 0 to 1.
    p : float
        Exponent of "gem", 1..64; 3 for other pools.
    projection : Projection, "shipped" or None
        What descriptors are projected by: one of your own, the one that semsig ships for the
        network and pooling, if there is one, or none.
    dims : int, optional
        Dimensions kept; by default 128 of a projection, all channels without one. The defaults
        of all five are chosen on training photos by ``python -m scripts.choose_pooled``.
    coding : {"int8", "float16"}
        How values are stored.

    Raises
    ------
    OptionError
        If a value is out of range, or `projection` is not one of these.
    """

    pool: Pool = "spoc"
    power: float = 0.5
    p: float = 3.0
    projection: Projection | Literal["shipped"] | None = "shipped"
    dims: int | None = None
    coding: Coding = "int8"

    def __post_init__(self) -> None:
        check_pooling(self.pool, self.power, self.p)
        if self.projection not in ("shipped", None) and not isinstance(self.projection, Projection):
            raise OptionError(f"Expected a Projection, 'shipped' or None, got {self.projection!r}.")

    @property
    def pooling(self) -> Pooling:
        """How the vectors are made that are projected."""
        return Pooling(pool=self.pool, power=float(self.power), p=float(self.p))

    def encoder(self, network: str, channels: int) -> PooledEncoder:
        """Return the encoder of a network's features.

        Parameters
        ----------
        network : str
            The network's fingerprint.
        channels : int
            Channels C of its feature map.

        Raises
        ------
        OptionError
            If there are fewer dimensions than asked for.
        ProjectionError
            If the projection is for another network or pooling.
        """
        projection = self.projection
        if projection == "shipped":
            projection = shipped_projection(network, self.pooling)
        if projection is not None:
            _require_fit(projection, self.pooling, network, channels)
        most = channels if projection is None else projection.most_dims
        dims = self.dims or (channels if projection is None else min(DIMS, most))
        if dims > most or (projection is None and dims != channels):
            raise OptionError(
                f"Expected dims {'up to ' if projection else ''}{most}, got {dims}; "
                "fit a projection of that many dims with `semsig pca`."
            )
        schema = PooledSchema(
            network=network,
            pool=self.pool,
            power=float(self.power),
            dims=dims,
            p=float(self.p),
            projection=projection.fingerprint if projection else "",
            coding=self.coding,
        )
        return PooledEncoder(schema=schema, projection=projection)

    def schema(self, network: str, channels: int) -> PooledSchema:
        """Return the schema of descriptors of a network; see :meth:`encoder`."""
        return self.encoder(network, channels).schema


def _require_fit(projection: Projection, pooling: Pooling, network: str, channels: int) -> None:
    if (projection.pooling, projection.channels) != (pooling, channels):
        raise ProjectionError(
            f"Expected a projection of {channels} channels, {pooling}; got one of "
            f"{projection.channels} channels, {projection.pooling}. Fit it for this network and "
            "pooling with `semsig pca`."
        )
    if not projection.is_for(network):
        raise ProjectionError(
            f"Expected a projection fitted to the network {network}, got one fitted to "
            f"{projection.network or 'none that it names'}. Fit it for this network with "
            "`semsig pca`."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledEncoder:
    """Photos or features -> descriptors of one schema.

    Parameters
    ----------
    schema : PooledSchema
        What to make.
    projection : Projection, optional
        The projection whose fingerprint the schema has.

    Raises
    ------
    ProjectionError
        If the projection is not the schema's.
    """

    schema: PooledSchema
    projection: Projection | None = None

    def __post_init__(self) -> None:
        given = self.projection.fingerprint if self.projection else ""
        if given != self.schema.projection:
            raise ProjectionError(
                f"Expected projection {self.schema.projection[:12] or 'none'}, got "
                f"{given[:12] or 'none'}: descriptors of different projections cannot be compared."
            )

    @property
    def needs(self) -> Needs:
        """Features, or the whole feature map."""
        return Needs(features=True, maps=self.needs_map)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The schema, but for its fingerprint and the network's."""
        entries = self.schema.to_json()
        return {name: entries[name] for name in entries if name not in ("fingerprint", "network")}

    def __call__(self, inputs: Inputs) -> PooledSignature:
        """Return the descriptor of a photo's features."""
        return self.sign(inputs.described())

    @property
    def needs_map(self) -> bool:
        """Whether it needs the whole feature map, not just the network's own three pools."""
        return self.schema.pool not in FROM_NETWORK or self.schema.p != 3

    def describe(
        self, segmenter: Segmenter, images: Sequence[Image]
    ) -> list[tuple[LabelMap, PooledSignature]]:
        """Return label map and descriptor of each photo, from one pass.

        Raises
        ------
        OptionError
            If the segmenter gives no features, or not the map that is pooled.
        SegmenterError
            If it fails.
        """
        if self.needs_map:
            described = require_maps(segmenter).describe_maps(images)
        else:
            described = require_features(segmenter).describe(images)
        return [(label_map, self.sign(features)) for label_map, features in described]

    def sign(self, features: NDArray[np.float32]) -> PooledSignature:
        """Return a photo's descriptor; see :func:`pooled`."""
        return PooledSignature(_coded(self._value(features), self.schema.coding), self.schema)

    def positions(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the descriptor of each position of a feature map (C, h, w) on its own.

        Returns
        -------
        ndarray of float64, shape (h, w, D)
            Vectors of unit length, or zeros where all channels are.
        """
        channels, height, width = features.shape
        rows = self._projected(_power(features.reshape(channels, -1).T, self.schema.power))
        return rows.reshape(height, width, -1)

    def _projected(self, raised: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scale rows to length 1, project them if there is a projection, and scale again."""
        if self.projection is None:
            return unit(raised)
        rows = unit(self.projection(unit(raised), self.schema.dims))
        rows[~raised.any(1)] = 0  # a zero vector has no direction and stays zero
        return rows

    def _value(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the descriptor, (D,), of any length."""
        raised = _raised(features, self.schema)
        channels = self.projection.channels if self.projection else self.schema.dims
        if raised.shape[1] != channels:
            raise SignatureError(
                f"Expected features of shape (3, {channels}) or ({channels}, h, w), "
                f"got {features.shape}."
            )
        if self.projection is None and len(raised) == 1:
            return raised.reshape(-1)  # unscaled: coding removes the length
        total: NDArray[np.float64] = self._projected(raised).sum(0)
        return total


def pooled(
    features: NDArray[np.float32], schema: PooledSchema, projection: Projection | None = None
) -> PooledSignature:
    """Return a photo's pooled descriptor.

    Pooled values are raised to the schema's power, scaled to unit length, projected to the first
    D axes if there is a projection, scaled again; R-MAC sums its regions' vectors, each made so.
    The result is stored in the schema's coding.

    Parameters
    ----------
    features : ndarray of float32, shape (3, C) or (C, h, w)
        Mean, maximum and generalised mean of the feature map, as
        :meth:`semsig.segment.FeatureSegmenter.describe` returns them, or the map itself; not
        negative.
    schema : PooledSchema
        What to make.
    projection : Projection, optional
        The projection whose fingerprint the schema has.

    Raises
    ------
    SignatureError
        If the features have another shape, or values that are negative or not finite.
    ProjectionError
        If the projection is not the schema's.
    """
    return PooledEncoder(schema=schema, projection=projection).sign(features)


def unit_vectors(features: NDArray[np.float32], pooling: Pooling) -> NDArray[np.float64]:
    """Return the vectors to be projected, (R, C): R = 1, or R-MAC's regions.

    Parameters
    ----------
    features : ndarray of float32, shape (3, C) or (C, h, w)
        As :func:`pooled` takes them.
    pooling : Pooling
        How they are pooled.
    """
    return unit(_raised(features, pooling))


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale rows to length 1; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: NDArray[np.float64] = rows / np.where(lengths > 0, lengths, 1)
    return scaled


def _raised(features: NDArray[np.float32], pooling: Pooling | PooledSchema) -> NDArray[np.float64]:
    """Return pooled values, (R, C), to the power."""
    of_network = pooling.pool in FROM_NETWORK and pooling.p == 3
    if features.ndim == 3:
        return _power(pool_map(_positive(features), pooling.pool, pooling.p), pooling.power)
    if features.ndim != 2 or len(features) != len(FROM_NETWORK) or not of_network:
        raise SignatureError(
            f"Expected features of shape (3, C), or the map (C, h, w) for pool {pooling.pool!r} "
            f"with p {pooling.p:g}; got {features.shape}."
        )
    row = FROM_NETWORK.index(pooling.pool)
    return _power(_positive(features)[row : row + 1], pooling.power)


def _power(values: NDArray[np.floating], power: float) -> NDArray[np.float64]:
    raised: NDArray[np.float64] = _positive(values).astype(np.float64) ** power
    return raised


def _positive(values: NDArray[np.floating]) -> NDArray[np.floating]:
    if not np.isfinite(values).all() or (values < 0).any():
        raise SignatureError("Expected features that are finite and not negative.")
    return values


def _coded(value: NDArray[np.float64], coding: Coding) -> NDArray[Any]:
    if coding == "float16":
        halves: NDArray[np.float16] = unit(value[None])[0].astype(np.float16)
        return halves
    largest = np.abs(value).max()
    scaled = value * (127 / largest) if largest > 0 else value
    codes: NDArray[np.int8] = np.rint(scaled).astype(np.int8)
    return codes
