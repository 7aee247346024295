"""Photos: files, formats, folders, and the record that an index keeps of each."""

from semsig.photo.photo import Photo
from semsig.photo.record import (
    PhotoPath,
    PhotoRecord,
    absolute,
    is_below,
    is_gone,
    native,
    portable,
)

__all__ = [
    "Photo",
    "PhotoPath",
    "PhotoRecord",
    "absolute",
    "is_below",
    "is_gone",
    "native",
    "portable",
]
