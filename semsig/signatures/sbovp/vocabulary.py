"""Vocabularies of visual words, which give keypoints their words, in checked files."""

from __future__ import annotations

import hashlib
import io
import json
import os
from dataclasses import asdict, dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from semsig.arrays import read_npz
from semsig.documents import Entries, parse_json
from semsig.durable import read_regular, write_file
from semsig.errors import OptionError, SemsigError, SignatureError, VocabularyError
from semsig.signatures.sbovp.keypoints import KeypointOptions
from semsig.types.keypoints import DIMENSIONS
from semsig.types.sbovp_schema import MAX_WORDS, Detector, require_choice

_FORMAT = "semsig vocabulary 1"
_MOST_BYTES = 1 << 27
"""Largest size of words and card in memory: twice eight bytes per number."""
_SHIPPED = Path(__file__).parent / "vocabularies"
N_WORDS = 5
"""Default number of words; :class:`SbovpOptions` has measurements of others."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Vocabulary:
    """Visual words: centres of clusters of descriptors.

    Parameters
    ----------
    words : array_like, shape (L, 64)
        The words, 1 to 65,535 of them. Kept as float32, read-only.
    detector : {"kaze", "surf"}
        Where descriptors come from.
    options : KeypointOptions
        How keypoints are found, as a detector states it.
    training : str
        What the words were learned from, in a phrase.

    Raises
    ------
    SignatureError
        If the words are no such array, or a number in it is not finite.
    OptionError
        If there is no such detector.
    """

    words: NDArray[np.float32] = field(repr=False)
    detector: Detector
    options: KeypointOptions
    training: str = ""

    def __post_init__(self) -> None:
        require_choice("detector", self.detector)
        words = np.array(self.words, np.float32, order="C")
        if words.ndim != 2 or words.shape[1] != DIMENSIONS or not 1 <= len(words) <= MAX_WORDS:
            raise SignatureError(
                f"Words have shape (1..{MAX_WORDS}, {DIMENSIONS}), got {words.shape}."
            )
        if not np.isfinite(words).all():
            raise SignatureError("Expected finite words, got an infinity or NaN.")
        words.flags.writeable = False
        object.__setattr__(self, "words", words)

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the words and of how their keypoints are found."""
        made = f"{_FORMAT}; {self.detector}; {asdict(self.options)}"
        return hashlib.sha256(made.encode() + self.words.tobytes()).hexdigest()

    @cached_property
    def _halves(self) -> NDArray[np.float32]:
        """Half the squared length of each word, shape (L,)."""
        return np.asarray((self.words * self.words).sum(1) / 2, np.float32)

    def assign(self, descriptors: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return each descriptor's nearest word by L2 distance, of equals the first.

        |d - w|^2 is least where d . w - |w|^2 / 2 is largest. The product is left to BLAS, which
        measured two to four times as fast as a Numba kernel that sums squares (500 descriptors,
        L = 50 to 500).

        Parameters
        ----------
        descriptors : ndarray of float32, shape (N, 64)
            What surrounds each keypoint.

        Returns
        -------
        ndarray of int64, shape (N,)
            Words 0..L-1.
        """
        return np.asarray((descriptors @ self.words.T - self._halves).argmax(1), np.int64)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary to a file, completely or not at all.

        Raises
        ------
        VocabularyError
            If the file cannot be written.
        """
        path = Path(path)
        card = {
            "format": _FORMAT,
            "fingerprint": self.fingerprint,
            "detector": self.detector,
            "options": asdict(self.options),
            "training": self.training,
        }
        body = io.BytesIO()
        text = json.dumps(card).encode()
        np.savez(body, words=self.words, card=np.frombuffer(text, np.uint8))
        try:
            write_file(path, body.getvalue())
        except OSError as error:
            raise VocabularyError(f"{path} cannot be written: {error.strerror}.") from error

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read a vocabulary that :meth:`save` wrote.

        Raises
        ------
        VocabularyError
            If the file is missing, damaged, or no vocabulary of this version.
        """
        try:
            arrays = read_npz(read_regular(path), most=_MOST_BYTES, only=("words", "card"))
            card = Entries(parse_json(arrays["card"].tobytes()), "its card")
            if card.text("format") != _FORMAT:
                raise ValueError(f"expected format {_FORMAT!r}, got {card.text('format')!r}")
            vocabulary = cls(
                words=arrays["words"],
                detector=cast(Detector, card.text("detector")),
                options=_options(card.table("options")),
                training=card.text("training"),
            )
            fingerprint = card.text("fingerprint")
        except OSError as error:
            raise VocabularyError(f"{path} cannot be read: {error.strerror or error}.") from error
        except (ValueError, SemsigError) as error:
            raise VocabularyError(f"{path} is no vocabulary, or damaged: {error}.") from error
        if vocabulary.fingerprint != fingerprint:
            raise VocabularyError(
                f"{path} is damaged: it does not hold what its fingerprint says. "
                "Train it again with `semsig vocab`, or fetch it again."
            )
        return vocabulary


def _options(card: Entries) -> KeypointOptions:
    """Read how keypoints are found; :class:`KeypointOptions` checks the ranges."""
    card.only(*(option.name for option in fields(KeypointOptions)))
    threshold = card.value("threshold")
    return KeypointOptions(
        upright=card.flag("upright"),
        octaves=card.whole("octaves"),
        threshold=None if threshold is None else card.number("threshold"),
        max_points=card.whole("max_points"),
        max_side=card.whole("max_side"),
    )


@cache
def default_vocabulary(detector: Detector = "kaze", words: int = N_WORDS) -> Vocabulary:
    """Return a vocabulary that semsig ships, learned from general photos.

    Parameters
    ----------
    detector : {"kaze", "surf"}
        Where descriptors come from.
    words : int
        Number L of words: one of :func:`default_sizes`.

    Raises
    ------
    OptionError
        If there is none of that detector and size.
    """
    require_choice("detector", detector)
    if words not in default_sizes(detector):
        raise OptionError(
            f"No {detector} vocabulary of {words} words is shipped; there are "
            f"{', '.join(map(str, default_sizes(detector)))}. Train one with `semsig vocab`."
        )
    return Vocabulary.open(_SHIPPED / f"{detector}-{words}.npz")


def default_sizes(detector: Detector) -> tuple[int, ...]:
    """Return the numbers of words of the vocabularies that semsig ships, ascending."""
    paths = _SHIPPED.glob(f"{detector}-*.npz")
    return tuple(sorted(int(path.stem.removeprefix(f"{detector}-")) for path in paths))
