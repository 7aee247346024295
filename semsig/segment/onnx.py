"""Segmentation with ONNX Runtime: the package's networks, and others exported the same way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from semsig.durable import read_regular
from semsig.errors import CheckpointError, SegmenterError
from semsig.parallel import usable_cores
from semsig.segment.batching import STRIDE, BatchedNetwork, run_together
from semsig.segment.card import PACKAGED, NetworkCard, require_hash
from semsig.segment.devices import choose, device_of, fall_back, onnx_devices, provider
from semsig.segment.onnx_graph import refused
from semsig.segment.options import NetworkOptions
from semsig.types import Image, LabelMap

_MOST_BYTES = 2**31 - 1
"""Largest size of a protocol buffer, in bytes."""
_EXTERNAL = b"\x0a\x08location\x12"
"""The key, as encoded in ONNX's protocol buffers, by which a tensor refers to an external file."""


class OnnxSegmenter(BatchedNetwork):
    """A network file run by ONNX Runtime.

    Parameters
    ----------
    path : Path
        ONNX file as :func:`semsig.segment.export.export_network` writes it, its card beside it.
    options : NetworkOptions, optional
        How to run it.
    name : str, optional
        The name that loads it again; ``onnx:PATH`` by default.

    Attributes
    ----------
    card : NetworkCard
        The card of the network.
    short_side : int
        Pixels that photos' short side is resized to.
    device : str
        Where the network runs: "cpu", "cuda", "coreml" or "openvino".

    Warns
    -----
    DeviceWarning
        If `options` ask for a device that is not available; the network runs on the CPU.

    Raises
    ------
    CheckpointError
        If the file or its card is missing, the file's SHA-256 is not the card's, or the file is not
        such a graph.
    """

    def __init__(
        self, path: Path, options: NetworkOptions | None = None, *, name: str | None = None
    ) -> None:
        options = options or NetworkOptions()
        self.card = NetworkCard.read(path)
        self.classes = self.card.classes
        self.short_side = options.short_side or self.card.short_side
        self._name = name or f"onnx:{path.absolute()}"
        self._batch_size = options.batch_size
        threads = options.threads or usable_cores()
        self._session = start_session(
            path, threads, "labels", sha256=self.card.sha256, device=options.device
        )
        self.device = device_of(self._session.get_providers()[0])

    @property
    def name(self) -> str:
        """The name by which :func:`semsig.load_segmenter` loads it again."""
        as_made = self.short_side == self.card.short_side
        return self._name if as_made else f"{self._name}@{self.short_side}"

    @property
    def fingerprint(self) -> str:
        """A digest of the weights, the class table and the input size."""
        card = self.card
        return f"onnx {card.identity} side {self.short_side} classes {card.classes.fingerprint}"

    def _run(self, photos: NDArray[np.uint8]) -> NDArray[np.uint8]:
        labels: NDArray[np.uint8] = self._answer(["labels"], photos)[0]
        return labels

    def features(self, images: Sequence[Image]) -> NDArray[np.float32]:
        """Describe photos by the feature map that the classifier reads, pooled over each photo.

        Parameters
        ----------
        images : sequence of ndarray of uint8, shape (H, W, 3)
            RGB photos of any sizes.

        Returns
        -------
        ndarray of float32, shape (N, 3, C)
            For each photo three rows of C non-negative values: average, maximum, and generalised
            mean with exponent 3 (GeM, Radenovic et al. 2018); not normalised.

        Raises
        ------
        SegmenterError
            If the network's file has no such output.
        """
        rows = [features for _, features in self.describe(images)]
        return np.stack(rows) if rows else np.zeros((0, 3, 0), np.float32)

    @cached_property
    def n_features(self) -> int:
        """Channels of the feature map; 0 if the network's file has no output for features."""
        if "features" not in self._outputs:
            return 0
        smallest = np.zeros((1, STRIDE, STRIDE, 3), np.uint8)
        return int(self._answer(["features"], smallest)[0].shape[2])

    def describe(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Return label map and features, (3, C), of each photo; see :meth:`features`."""
        return self._described(images, "features")

    def describe_maps(self, images: Sequence[Image]) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        """Return label map and feature map, (C, h, w), of each photo, from one forward pass.

        Raises
        ------
        SegmenterError
            If the network's file has no output for its feature map.
        """
        return self._described(images, "feature_map")

    def _described(
        self, images: Sequence[Image], output: str
    ) -> list[tuple[LabelMap, NDArray[np.float32]]]:
        if output not in self._outputs:
            raise SegmenterError(f"{self.name} has no output {output!r}; export it again.")
        rows = run_together(
            images,
            lambda photos: self._answer(["labels", output], photos),
            short_side=self.short_side,
            batch_size=self._batch_size,
        )
        return [(LabelMap(labels, self.classes), features) for labels, features in rows]

    @cached_property
    def _outputs(self) -> frozenset[str]:
        return frozenset(output.name for output in self._session.get_outputs())

    def _answer(self, outputs: list[str], photos: NDArray[np.uint8]) -> list[NDArray[Any]]:
        return run_session(self._session, self.name, outputs, photos)


def packaged(name: str = "embedded", options: NetworkOptions | None = None) -> OnnxSegmenter:
    """Return a network shipped with the package, one of :data:`semsig.segment.card.PACKAGED`."""
    return OnnxSegmenter(PACKAGED[name], options, name=name)


def start_session(
    path: Path, threads: int, answer: str, *, sha256: str | None = None, device: str = "cpu"
) -> onnxruntime.InferenceSession:
    """Load a network with the input ``photos`` whose first output is `answer`.

    Parameters
    ----------
    path : Path
        The file.
    threads : int
        Threads it may use.
    answer : str
        Name of its first output.
    sha256 : str, optional
        The hex SHA-256 that its card states.
    device : str
        Device to run on, see :class:`NetworkOptions`.

    Warns
    -----
    DeviceWarning
        If the device is not available or does not start; the network runs on the CPU.

    Raises
    ------
    CheckpointError
        If the file is not such a network, is not the one that its card was written for, or uses
        what no network that labels pictures needs: other files, or operators that may never end.
    """
    content = _vouched(path, sha256)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # others read photos
    options.log_severity_level = 3
    onnxruntime.disable_telemetry_events()
    available = onnx_devices()
    place = choose(device, available)
    try:
        session = _session(content, options, place, threads)
    except Exception as error:  # the runtime's own exception types share no base
        raise CheckpointError(f"{path} is no network that can be run: {error}") from error
    if device == place != device_of(session.get_providers()[0]):  # its libraries are missing
        fall_back(device, [name for name in available if name != device])
    inputs, outputs = (
        [node.name for node in nodes] for nodes in (session.get_inputs(), session.get_outputs())
    )
    if inputs != ["photos"] or outputs[0] != answer:
        raise CheckpointError(
            f"{path} has inputs {inputs} and outputs {outputs}; expected 'photos' and, first, "
            f"{answer!r}."
        )
    return session


def _session(
    content: bytes, options: onnxruntime.SessionOptions, place: str, threads: int
) -> onnxruntime.InferenceSession:
    """Start a network on a device, or on the CPU where the device's libraries fail."""
    for device in dict.fromkeys((place, "cpu")):
        try:
            return onnxruntime.InferenceSession(
                content, options, providers=provider(device, threads), enable_fallback=0
            )
        except Exception:  # the runtime's own exception types share no base
            if device == "cpu":
                raise
    raise AssertionError("the CPU is always tried")


def _vouched(path: Path, sha256: str | None) -> bytes:
    """Read a network file; refuse it if its hash, external files or operators are not allowed."""
    try:
        content = read_regular(path, most=_MOST_BYTES)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if sha256 is not None:
        require_hash(path, content, sha256)
    if _EXTERNAL in content:
        raise CheckpointError(
            f"{path} names other files that hold its weights, which its card does not vouch for; "
            "expected a network whole in one file. Export it again without external data."
        )
    try:
        odd = refused(content)
    except ValueError as error:
        raise CheckpointError(f"{path} is no network that can be run: {error}") from error
    if odd:
        raise CheckpointError(
            f"Expected {path} to be made of the operators that networks for label maps need, got "
            f"{', '.join(odd)} as well; export it without."
        )
    return content


def run_session(
    session: onnxruntime.InferenceSession,
    name: str,
    outputs: list[str] | None,
    photos: NDArray[np.uint8],
) -> list[NDArray[Any]]:
    """Run a network on photos (N, H, W, 3) and return the named outputs, or all of them.

    Raises
    ------
    SegmenterError
        If the network fails; the message calls it `name`.
    """
    try:
        answer: list[NDArray[Any]] = session.run(outputs, {"photos": photos})
    except Exception as error:  # the runtime's own exception types share no base
        raise SegmenterError(f"{name} failed on {photos.shape}: {error}") from error
    return answer
