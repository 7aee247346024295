"""Projection: axes onto which pooled descriptors are projected, kept in checked files."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semsig.arrays import read_npz
from semsig.documents import parse_json
from semsig.durable import open_regular, write_file
from semsig.errors import OptionError, ProjectionError
from semsig.types.pooled import MAX_DIMS, Pool, check_pooling

_FORMAT = "semsig projection 1"
_SHIPPED = Path(__file__).parent / "projections"
MAX_BYTES = 64 << 20
"""Longest file that is read: twice the size of 4,096 axes of 4,096 channels in float16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooling:
    """How a feature map becomes the vectors that are projected.

    Parameters
    ----------
    pool : {"spoc", "mac", "gem", "rmac", "crow"}
        How it is pooled over the photo.
    power : float
        Exponent of each value before vectors are scaled to unit length, above 0 to 1.
    p : float
        Exponent of "gem", 1..64; 3 for other pools.

    Raises
    ------
    OptionError
        If a value is out of range.
    """

    pool: Pool
    power: float
    p: float = 3.0

    def __post_init__(self) -> None:
        check_pooling(self.pool, self.power, self.p)


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Axes of pooled descriptors, the most informative first: PCA or learned whitening.

    A vector v of unit length becomes ``(v - mean) @ axes[:, :D]``, scaled to unit length.

    Parameters
    ----------
    mean : array_like, shape (C,)
        What is subtracted first.
    axes : array_like, shape (C, K)
        The axes, K <= C. Both are kept as float16, read-only, so that computed and stored
        values are the same.
    network : str
        Fingerprint of the network whose feature maps it is for.
    pooling : Pooling
        How these are pooled.
    training : str
        What it was learned from, and how, in a phrase.

    Raises
    ------
    OptionError
        If shapes do not fit, or a number is not finite as float16.
    """

    mean: NDArray[np.float16] = field(repr=False)
    axes: NDArray[np.float16] = field(repr=False)
    network: str
    pooling: Pooling
    training: str = ""

    def __post_init__(self) -> None:
        with np.errstate(over="ignore"):  # what does not fit is found below
            mean, axes = (np.array(one, np.float16, order="C") for one in (self.mean, self.axes))
        if axes.ndim != 2 or mean.shape != axes.shape[:1]:
            raise OptionError(f"Expected mean (C,) and axes (C, K); {mean.shape}, {axes.shape}.")
        if not 1 <= axes.shape[1] <= axes.shape[0] <= MAX_DIMS:
            raise OptionError(f"Expected 1 <= K <= C <= {MAX_DIMS:,}, got axes {axes.shape}.")
        if not (np.isfinite(mean).all() and np.isfinite(axes).all()):
            raise OptionError("Expected axes that are finite as float16; fit them again.")
        for name, array in (("mean", mean), ("axes", axes)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @property
    def channels(self) -> int:
        """Channels C of the feature maps."""
        return len(self.mean)

    @property
    def most_dims(self) -> int:
        """Axes K."""
        return int(self.axes.shape[1])

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of everything but the phrase on its training."""
        made = f"{_FORMAT}; {self.network}; {asdict(self.pooling)}; {self.axes.shape}"
        return hashlib.sha256(made.encode() + self.mean.tobytes() + self.axes.tobytes()).hexdigest()

    def is_for(self, network: str) -> bool:
        """Tell whether it was fitted to the network of a fingerprint.

        The side that photos are resized to is ignored: axes depend on the weights only.
        """
        return _weights(self.network) == _weights(network)

    def __call__(self, rows: NDArray[np.float64], dims: int) -> NDArray[np.float64]:
        """Project rows of unit length, (N, C), to (N, dims), not scaled.

        Raises
        ------
        OptionError
            If there are fewer axes.
        """
        if not 1 <= dims <= self.most_dims:
            raise OptionError(f"Expected dims 1 to {self.most_dims}, the axes there are; {dims}.")
        projected: NDArray[np.float64] = (rows - self._mean) @ self._axes[:, :dims]
        return projected

    @cached_property
    def _mean(self) -> NDArray[np.float64]:
        return self.mean.astype(np.float64)

    @cached_property
    def _axes(self) -> NDArray[np.float64]:
        return self.axes.astype(np.float64)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the projection to a file, completely or not at all.

        Raises
        ------
        ProjectionError
            If the file cannot be written.
        """
        card = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "network": self.network,
            "pooling": asdict(self.pooling),
            "training": self.training,
        }
        body = io.BytesIO()
        text = np.frombuffer(json.dumps(card).encode(), np.uint8)
        np.savez(body, mean=self.mean, axes=self.axes, card=text)
        try:
            write_file(Path(path), body.getvalue())
        except OSError as error:
            raise ProjectionError(f"{path} cannot be written: {error.strerror}.") from error

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Projection:
        """Read a projection that :meth:`save` wrote.

        Raises
        ------
        ProjectionError
            If the file is missing, too long, damaged, or no projection of this version.
        """
        try:
            with open_regular(path) as file:
                content = file.read(MAX_BYTES + 1)
            if len(content) > MAX_BYTES:
                raise ValueError(f"longer than {MAX_BYTES >> 20} MiB")
            projection, expected = cls._parse(content)
        except OSError as error:
            raise ProjectionError(f"{path} cannot be read: {error.strerror or error}.") from error
        except Exception as error:  # damaged zip archives raise nearly any exception type
            raise ProjectionError(f"{path} is no projection, or damaged: {error}.") from error
        if projection.fingerprint != expected:
            raise ProjectionError(
                f"{path} is damaged: it does not hold what its fingerprint says. "
                "Fit it again with `semsig pca`, or fetch it again."
            )
        return projection

    @classmethod
    def _parse(cls, content: bytes) -> tuple[Projection, str]:
        """Return the projection of a file's content, and the fingerprint that it states."""
        arrays = read_npz(content, most=2 * MAX_BYTES, only=("card", "mean", "axes"))
        card: Any = parse_json(arrays["card"].tobytes())
        if card["format"] != _FORMAT:
            raise ValueError(f"format {card['format']!r}, expected {_FORMAT!r}")
        mean, axes = arrays["mean"], arrays["axes"]
        if not mean.dtype == axes.dtype == np.dtype(np.float16):
            raise ValueError(f"expected float16, got {mean.dtype} and {axes.dtype}")
        projection = cls(
            mean=mean,
            axes=axes,
            network=str(card["network"]),
            pooling=Pooling(**card["pooling"]),
            training=str(card["training"]),
        )
        return projection, str(card["fingerprint"])


def shipped_projection(network: str, pooling: Pooling) -> Projection | None:
    """Return the projection that semsig ships for a network, by its fingerprint; None if none."""
    for projection in _all_shipped():
        if projection.is_for(network) and projection.pooling == pooling:
            return projection
    return None


def _weights(network: str) -> str:
    """Return what a network's fingerprint says of its weights."""
    return network.partition(" side ")[0]


@cache
def _all_shipped() -> tuple[Projection, ...]:
    return tuple(Projection.open(path) for path in sorted(_SHIPPED.glob("*.npz")))
