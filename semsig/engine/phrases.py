"""The phrases of indexed photos: a second index, in a folder within the first one's."""

from __future__ import annotations

from dataclasses import fields

from semsig.durable import make_folder
from semsig.engine.side import SideIndex
from semsig.errors import SignatureError
from semsig.search import HammingIndex, L2Index, is_unused
from semsig.signatures import SbovpOptions, Vocabulary, load_detector, sbovp
from semsig.types import Image, Keypoints, LabelMap, SbovpSignature

INDEX = "sbovp/index"
"""Folder of the phrases' index within that of the photos."""

VOCABULARY = "sbovp/vocabulary.npz"
"""Their words."""


class PhraseIndex(SideIndex):
    """SBOVP signatures of the photos in an SBS index.

    Parameters
    ----------
    photos : HammingIndex
        The index of photos.
    index : L2Index
        Their phrases.
    vocabulary : Vocabulary
        The words.

    Attributes
    ----------
    options : SbovpOptions
        How words become phrases.

    Raises
    ------
    SignatureError
        If the phrases were made with another vocabulary.
    """

    def __init__(self, photos: HammingIndex, index: L2Index, vocabulary: Vocabulary) -> None:
        if index.schema.vocabulary != vocabulary.fingerprint:
            raise SignatureError(
                f"{index.path} was made with vocabulary {index.schema.vocabulary[:12]}..., beside "
                f"it lies {vocabulary.fingerprint[:12]}...; bring the first one back."
            )
        super().__init__(photos, index)
        self.vocabulary = vocabulary
        names = (option.name for option in fields(SbovpOptions))
        self.options = SbovpOptions(**{name: getattr(index.schema, name) for name in names})
        self._detect = load_detector(vocabulary.detector, vocabulary.options)

    @classmethod
    def create(
        cls, photos: HammingIndex, vocabulary: Vocabulary, options: SbovpOptions | None = None
    ) -> PhraseIndex:
        """Make an empty index of phrases beside `photos`: in its folder, or in memory.

        Raises
        ------
        OptionError
            If so many words over so many classes are too many, or there are phrases already.
        VocabularyError, IndexWriteError
            If the folder cannot be written to.
        """
        schema = (options or SbovpOptions()).schema(vocabulary, photos.schema.classes)
        index = L2Index(schema)
        if photos.path is not None:
            make_folder((photos.path / VOCABULARY).parent)
            vocabulary.save(photos.path / VOCABULARY)
            index.save(photos.path / INDEX, overwrite=False)
            index = L2Index.open(photos.path / INDEX)
        return cls(photos, index, vocabulary)

    @classmethod
    def open(cls, photos: HammingIndex) -> PhraseIndex | None:
        """Open the phrases beside `photos`; None if there are none.

        Raises
        ------
        VocabularyError
            If their vocabulary is missing or damaged.
        IndexFormatError, IndexCorruptError
            If their index is damaged.
        """
        if photos.path is None or is_unused(photos.path / INDEX):
            return None
        vocabulary = Vocabulary.open(photos.path / VOCABULARY)
        index = L2Index.open(photos.path / INDEX, verify=photos.verified)
        return cls(photos, index, vocabulary)

    def sign(self, keypoints: Keypoints, label_map: LabelMap) -> SbovpSignature:
        """Return the phrases of a photo, from its keypoints and its label map."""
        return sbovp(keypoints, label_map, self.vocabulary, self.options)

    def keypoints(self, image: Image) -> Keypoints:
        """Return the keypoints of a photo, shape (H, W, 3) uint8 RGB."""
        return self._detect(image)
