"""What photos of a benchmark are compared by: blocks, phrases, both fused, or pooled features."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from semsig.errors import OptionError
from semsig.evaluate.rankings import RankingOptions, SignatureDistances, all_distances
from semsig.search import L2Index, PooledIndex
from semsig.search.fusion import FusionOptions, SignatureName
from semsig.segment import Segmenter, require_features
from semsig.signatures import (
    KeypointCache,
    PooledEncoder,
    PooledOptions,
    SbovpOptions,
    Vocabulary,
    default_vocabulary,
    detect_all,
    load_detector,
    sbovp,
)
from semsig.types import (
    Image,
    Keypoints,
    LabelMap,
    PooledSignature,
    SbovpBatch,
    SbovpSignature,
)

Compare = Callable[[Sequence[Any]], NDArray[np.float32]]
"""Q photos, signed, to their distances (Q, N) to those of a database."""


class Comparison(Protocol):
    """How photos are signed and compared."""

    def keypoints(self, images: Iterable[Image]) -> Iterator[Any]:
        """Yield what the photos must be looked at for, if anything; `images` is read then."""
        ...

    def sign(self, label_map: LabelMap, keypoints: Any) -> Any:
        """Return what a photo is compared by."""
        ...

    def among(self, database: Sequence[Any]) -> Compare:
        """Return the distances to these photos."""
        ...

    @property
    def settings(self) -> dict[str, Any]:
        """What it depends on, for JSON."""
        ...


@dataclass(frozen=True, slots=True)
class SbsComparison:
    """Photos compared by SBS signatures.

    Parameters
    ----------
    options : RankingOptions
        What signatures, and how.
    """

    options: RankingOptions

    def keypoints(self, images: Iterable[Image]) -> Iterator[None]:  # noqa: ARG002
        """Yield None: label maps are enough."""
        return repeat(None)

    def sign(self, label_map: LabelMap, keypoints: object) -> Any:  # noqa: ARG002
        """Return a photo's signatures."""
        return self.options.signatures(label_map)

    def among(self, database: Sequence[Any]) -> Compare:
        """Return the distances to these photos, shape (Q, N)."""
        return SignatureDistances(database, self.options.metric)

    @property
    def settings(self) -> dict[str, Any]:
        """The ranking options."""
        return asdict(self.options)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhraseComparison:
    """Photos compared by visual phrases.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words, and how their keypoints are found.
    options : SbovpOptions
        How words become phrases.
    cache : Path, optional
        Folder that keeps keypoints, so that another run finds them.
    """

    vocabulary: Vocabulary
    options: SbovpOptions
    cache: Path | None = None

    def keypoints(self, images: Iterable[Image]) -> Iterator[Keypoints]:
        """Yield the keypoints of each photo, found over all cores."""
        detector = load_detector(self.vocabulary.detector, self.vocabulary.options)
        cache = KeypointCache(self.cache) if self.cache else None
        return detect_all(images, detector, cache=cache)

    def sign(self, label_map: LabelMap, keypoints: Keypoints) -> SbovpSignature:
        """Return a photo's phrases."""
        return sbovp(keypoints, label_map, self.vocabulary, self.options)

    def among(self, database: Sequence[SbovpSignature]) -> Compare:
        """Return the distances to these photos, shape (Q, N)."""
        index = L2Index(database[0].schema)
        index.add(SbovpBatch.of(database))
        return lambda queries: all_distances(index, SbovpBatch.of(queries))

    @property
    def settings(self) -> dict[str, Any]:
        """Detector, words and options."""
        words = {"detector": self.vocabulary.detector, "n_words": len(self.vocabulary)}
        return {**words, "vocabulary": self.vocabulary.fingerprint, **asdict(self.options)}


@dataclass(frozen=True, slots=True, kw_only=True)
class FusedComparison:
    """Photos compared by both: the weighted sum of distances, each 0 to 1.

    Parameters
    ----------
    sbs : SbsComparison
        By blocks of classes.
    phrases : PhraseComparison
        By visual phrases.
    fusion : FusionOptions
        What each counts.
    """

    sbs: SbsComparison
    phrases: PhraseComparison
    fusion: FusionOptions

    def keypoints(self, images: Iterable[Image]) -> Iterator[Keypoints]:
        """Yield the keypoints of each photo."""
        return self.phrases.keypoints(images)

    def sign(self, label_map: LabelMap, keypoints: Keypoints) -> tuple[Any, SbovpSignature]:
        """Return both signatures of a photo."""
        return self.sbs.sign(label_map, None), self.phrases.sign(label_map, keypoints)

    def among(self, database: Sequence[tuple[Any, SbovpSignature]]) -> Compare:
        """Return the distances to these photos, shape (Q, N)."""
        blocks = self.sbs.among([one for one, _ in database])
        phrases = self.phrases.among([one for _, one in database])

        def compare(queries: Sequence[tuple[Any, SbovpSignature]]) -> NDArray[np.float32]:
            return self.fusion.fuse(
                blocks([one for one, _ in queries]), phrases([one for _, one in queries])
            )

        return compare

    @property
    def settings(self) -> dict[str, Any]:
        """What both depend on, and their weights."""
        return {**self.sbs.settings, **self.phrases.settings, "weight": self.fusion.weight}


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledComparison:
    """Photos compared by pooled descriptors.

    Parameters
    ----------
    options : PooledOptions
        How the feature map is pooled.
    encoder : PooledEncoder, optional
        What makes the descriptors; :meth:`of` sets it for a network.
    """

    options: PooledOptions
    encoder: PooledEncoder | None = None

    def of(self, segmenter: Segmenter) -> PooledComparison:
        """Return the comparison by a network's features; OptionError if it gives none."""
        channels = require_features(segmenter).n_features
        return replace(self, encoder=self.options.encoder(segmenter.fingerprint, channels))

    def sign(self, segmenter: Segmenter, image: Image) -> PooledSignature:
        """Return a photo's descriptor."""
        return self._encoder.describe(segmenter, [image])[0][1]

    def among(self, database: Sequence[PooledSignature]) -> Compare:
        """Return the distances to these photos, shape (Q, N)."""
        index = PooledIndex(self._encoder.schema)
        index.add(database)
        return lambda queries: all_distances(index, queries)

    @property
    def settings(self) -> dict[str, Any]:
        """The descriptors' schema, but for its fingerprint and the network's."""
        entries = self._encoder.schema.to_json()
        return {name: entries[name] for name in entries if name not in ("fingerprint", "network")}

    @property
    def _encoder(self) -> PooledEncoder:
        if self.encoder is None:
            raise OptionError("Expected the comparison of a network; call of(segmenter) first.")
        return self.encoder


def compare_by(
    signature: SignatureName, options: RankingOptions, phrases: PhraseComparison | None = None
) -> Comparison | PooledComparison:
    """Return the comparison by `signature`.

    Parameters
    ----------
    signature : {"sbs", "sbovp", "pooled", "fused"}
        What photos are compared by.
    options : RankingOptions
        How SBS signatures are compared; "fused" takes metric "tanimoto-idf" whatever they say.
    phrases : PhraseComparison, optional
        How phrases are made; KAZE's shipped words and the default options if left out.

    Raises
    ------
    OptionError
        If there is no such signature, phrases alone are to be mirrored or summed over levels, or
        those to be fused are not scaled.
    """
    if signature == "sbs":
        return SbsComparison(options)
    if signature == "pooled":
        if options.pyramid or options.mirrored:
            raise OptionError("Levels and mirror images are of SBS signatures, not of features.")
        return PooledComparison(options=PooledOptions())
    phrases = phrases or PhraseComparison(vocabulary=default_vocabulary(), options=SbovpOptions())
    if signature == "sbovp":
        if options.pyramid or options.mirrored:
            raise OptionError("Levels and mirror images are of SBS signatures, not of phrases.")
        return phrases
    if signature != "fused":
        names = ", ".join(get_args(SignatureName))
        raise OptionError(f"Expected a signature of {names}; got {signature!r}.")
    if phrases.options.norm == "none":
        raise OptionError("Phrases of norm 'none' cannot be fused; take 'sqrt' or 'l2'.")
    blocks = SbsComparison(replace(options, metric="tanimoto-idf"))
    return FusedComparison(sbs=blocks, phrases=phrases, fusion=FusionOptions())
