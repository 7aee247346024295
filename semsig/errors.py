"""Every error that semsig raises, as one tree under :class:`SemsigError`.

* SemsigError
    * ClassTableError: a class table is malformed, unknown or not the one expected
    * LabelMapError: an array is no label map over its class table
    * OptionError: an option is outside its valid range
    * QueryError: a search written in words cannot be understood; ``position`` says where
    * ImageError: a file cannot be read as an image; ``reason`` names why
    * SegmenterError: a segmenter cannot be loaded or run
        * CheckpointError: a checkpoint is missing, damaged, refused or of another network
    * ReconstructionError: structure from motion is not installed, or cannot place the photos
    * SignatureError: a signature or bit string is malformed
        * SchemaMismatchError: two things were made with different schemas
        * VocabularyError: a vocabulary file is missing, damaged or of an unknown version
        * ProjectionError: a projection file is missing, damaged or of another network
    * IndexStorageError: something is wrong with an index on disk
        * IndexFormatError: the folder is no index, or of an unknown version
        * IndexCorruptError: stored bytes differ from what was written
        * IndexLockedError: another process is writing
        * IndexWriteError: a write failed; the stored index is as before
    * UnknownIdError, DuplicateIdError: an id is absent, or present already
    * EngineError: another engine is absent, of the wrong version, or refused what it was asked
    * DatasetError: a dataset description or folder does not match
    * MissingPackageError: a package that is needed is not installed; an ImportError too

and every warning:

* SemsigWarning
    * DeviceWarning: a network runs elsewhere than asked
"""

from __future__ import annotations


class SemsigError(Exception):
    """Base of every error raised on purpose by semsig."""


class ClassTableError(SemsigError):
    """A class table is malformed, unknown, or not the one expected."""


class LabelMapError(SemsigError):
    """An array is not a label map over its class table."""


class OptionError(SemsigError):
    """An option is outside its valid range."""


class QueryError(SemsigError):
    """A search written in words cannot be understood.

    Parameters
    ----------
    message : str
        What was expected, what was got, what to do.
    text : str
        The search, shown below the message; empty if no place in it is to blame.
    span : (int, int)
        First character at fault, from 0, and the one after the last.
    """

    def __init__(self, message: str, *, text: str = "", span: tuple[int, int] = (0, 0)) -> None:
        start, stop = span
        marks = " " * start + "^" * max(1, stop - start)
        super().__init__(f"{message}\n  {text}\n  {marks}" if text else message)
        self.text = text
        self.position = start


class ImageError(SemsigError):
    """A file cannot be read as an image.

    Parameters
    ----------
    message : str
        What was expected, what was got, what to do.
    reason : str
        Short stable name of the cause, for counting: ``"empty"``, ``"not-an-image"``,
        ``"truncated"``, ``"corrupt"``, ``"too-large"``, ``"unreadable"``, ``"no-reader"``.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class SegmenterError(SemsigError):
    """A segmenter cannot be loaded or run."""


class CheckpointError(SegmenterError):
    """A checkpoint is missing, damaged, refused, or made for another network."""


class ReconstructionError(SemsigError):
    """Structure from motion is not installed, or cannot place the photos."""


class SignatureError(SemsigError):
    """A signature or bit string is malformed."""


class SchemaMismatchError(SignatureError):
    """Two signatures, or a signature and an index, were made with different schemas."""


class VocabularyError(SignatureError):
    """A vocabulary file is missing, damaged, or of an unknown version."""


class ProjectionError(SignatureError):
    """A projection file is missing, damaged, of an unknown version, or of another network."""


class IndexStorageError(SemsigError):
    """Something is wrong with an index on disk."""


class IndexFormatError(IndexStorageError):
    """The folder holds no semsig index, or one of an unknown version."""


class IndexCorruptError(IndexStorageError):
    """Stored bytes differ from what was written."""


class IndexLockedError(IndexStorageError):
    """Another process is writing to the index."""


class IndexWriteError(IndexStorageError):
    """A write failed; the stored index is as it was before."""


class UnknownIdError(SemsigError):
    """An id is not in the index."""


class DuplicateIdError(SemsigError):
    """An id is in the index already, or given twice."""


class EngineError(SemsigError):
    """Another engine is absent, of the wrong version, or refused what it was asked."""


class DatasetError(SemsigError):
    """A dataset description or folder does not match what is expected."""


class MissingPackageError(SemsigError, ImportError):
    """A package that is needed is not installed, or cannot be loaded."""


class SemsigWarning(UserWarning):
    """Base of every warning of semsig: what was asked is done, but otherwise."""


class DeviceWarning(SemsigWarning):
    """A network runs on another device than asked; its answers are the same."""
