"""SBOVP as a kind of signature; what it needs of OpenCV and Numba is imported when used."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from semsig.durable import make_folder
from semsig.errors import SignatureError
from semsig.search import L2Index
from semsig.segment import Segmenter
from semsig.signatures.base import Inputs, Needs
from semsig.types import SbovpSchema

if TYPE_CHECKING:
    from semsig.signatures.sbovp.encoder import SbovpEncoder
    from semsig.signatures.sbovp.encoding import SbovpOptions
    from semsig.signatures.sbovp.explanation import SharedPhrases
    from semsig.signatures.sbovp.vocabulary import Vocabulary

VOCABULARY = "sbovp/vocabulary.npz"
"""File of the vocabulary, in the folder of the photos' index."""


class SbovpKind:
    """Visual phrases: linked pairs of visual words within each class's region."""

    name = "sbovp"
    title = "visual phrases"
    folder = "sbovp/index"
    kept: tuple[str, ...] = (VOCABULARY,)
    metrics: tuple[str, ...] = ("L2",)
    fused_metric = "L2"
    has_levels = False
    rank = 3
    index = L2Index
    leave_out = None

    def scale(self, schema: SbovpSchema) -> float:
        """Return 1 / sqrt(2): counts >= 0 at unit length differ by at most sqrt(2); else 0."""
        return 0.0 if schema.norm == "none" else 1 / 2**0.5

    def suits(self, segmenter: Segmenter) -> bool:  # noqa: ARG002
        """Return True: label maps and pixels are enough."""
        return True

    def is_default(self, segmenter: Segmenter) -> bool:  # noqa: ARG002
        """Return False: phrases are only made on request."""
        return False

    def encoder(
        self,
        segmenter: Segmenter,
        *,
        vocabulary: Vocabulary | None = None,
        options: SbovpOptions | None = None,
        cache: Path | None = None,
    ) -> SbovpEncoder:
        """Return an encoder with a vocabulary, KAZE's shipped one if none is given.

        OptionError if the words times the classes do not fit 32-bit column numbers.
        """
        from semsig.signatures.sbovp.encoder import SbovpEncoder
        from semsig.signatures.sbovp.encoding import SbovpOptions
        from semsig.signatures.sbovp.keypoint_cache import KeypointCache
        from semsig.signatures.sbovp.vocabulary import default_vocabulary

        words, how = vocabulary or default_vocabulary(), options or SbovpOptions()
        how.schema(words, segmenter.classes)
        kept = None if cache is None else KeypointCache(cache)
        return SbovpEncoder(words, how, segmenter.classes, kept)

    def search_options(self, metric: str) -> dict[str, Any]:  # noqa: ARG002
        """Return no options: there is only one distance."""
        return {}

    def keep(self, encoder: SbovpEncoder, folder: Path) -> None:
        """Write the vocabulary."""
        make_folder((folder / VOCABULARY).parent)
        encoder.vocabulary.save(folder / VOCABULARY)

    def encoder_of(self, schema: SbovpSchema, folder: Path) -> SbovpEncoder:
        """Return the encoder of a schema, with the vocabulary stored next to it.

        Raises
        ------
        VocabularyError
            If they are missing or damaged.
        SignatureError
            If they are others than the schema's.
        """
        from semsig.signatures.sbovp.encoder import SbovpEncoder
        from semsig.signatures.sbovp.encoding import SbovpOptions
        from semsig.signatures.sbovp.vocabulary import Vocabulary

        words = Vocabulary.open(folder / VOCABULARY)
        if schema.vocabulary != words.fingerprint:
            raise SignatureError(
                f"{folder / self.folder} was made with vocabulary {schema.vocabulary[:12]}..., "
                f"next to it is {words.fingerprint[:12]}...; bring the first one back."
            )
        names = (option.name for option in fields(SbovpOptions))
        options = SbovpOptions(**{name: getattr(schema, name) for name in names})
        return SbovpEncoder(words, options, schema.classes)

    def explain_needs(self, encoder: SbovpEncoder) -> Needs:
        """Return what the encoder needs."""
        return encoder.needs

    def explain(
        self,
        encoder: SbovpEncoder,
        a: Inputs,
        b: Inputs,
        names: tuple[str, str],  # noqa: ARG002
    ) -> SharedPhrases:
        """Find the visual phrases that two photos share."""
        from semsig.signatures.sbovp.explanation import share_phrases

        first, second = ((encoder.keypoints(one.pixels()), one.segmented()) for one in (a, b))
        return share_phrases(first, second, encoder.vocabulary, encoder.options)


SBOVP = SbovpKind()
"""The kind, as the registry finds it."""
