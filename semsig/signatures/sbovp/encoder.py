"""Keypoints on label maps to bags of visual phrases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from semsig.classes import ClassTable
from semsig.signatures.base import Inputs, Needs
from semsig.signatures.sbovp.encoding import SbovpOptions, sbovp
from semsig.signatures.sbovp.keypoint_cache import KeypointCache
from semsig.signatures.sbovp.keypoints import KeypointDetector, load_detector
from semsig.signatures.sbovp.vocabulary import Vocabulary
from semsig.types import Image, Keypoints, SbovpSchema, SbovpSignature


@dataclass(frozen=True)
class SbovpEncoder:
    """Keypoints on label maps to bags of visual phrases.

    Parameters
    ----------
    vocabulary : Vocabulary
        The words, and how their keypoints are found.
    options : SbovpOptions
        How words become phrases.
    classes : ClassTable
        Of the label maps.
    cache : KeypointCache, optional
        Where found keypoints are kept and looked up.
    """

    vocabulary: Vocabulary
    options: SbovpOptions
    classes: ClassTable
    cache: KeypointCache | None = None

    @cached_property
    def schema(self) -> SbovpSchema:
        """What its signatures are made with."""
        return self.options.schema(self.vocabulary, self.classes)

    @property
    def needs(self) -> Needs:
        """Label map, and pixels in the size in which keypoints are searched."""
        side = self.vocabulary.options.max_side
        return Needs(label_map=True, image=True, short_side=side)

    @property
    def settings(self) -> Mapping[str, Any]:
        """Detector, words and options."""
        words = {"detector": self.vocabulary.detector, "n_words": len(self.vocabulary)}
        return {**words, "vocabulary": self.vocabulary.fingerprint, **asdict(self.options)}

    @cached_property
    def _detector(self) -> KeypointDetector:
        return load_detector(self.vocabulary.detector, self.vocabulary.options)

    def keypoints(self, image: Image) -> Keypoints:
        """Return the keypoints of a photo, shape (H, W, 3) uint8 RGB."""
        if self.cache is not None:
            return self.cache.detect(image, self._detector)
        return self._detector(image)

    def __call__(self, inputs: Inputs) -> SbovpSignature:
        """Return the phrases of a photo."""
        found = self.keypoints(inputs.pixels())
        return sbovp(found, inputs.segmented(), self.vocabulary, self.options)
