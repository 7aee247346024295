"""Reading photos, under the name that it was imported by before :mod:`semsig.photo`."""

from semsig.photo.image_files import MAX_PIXELS, MAX_SIDE, image_paths, read_image, unread_files

__all__ = ["MAX_PIXELS", "MAX_SIDE", "image_paths", "read_image", "unread_files"]
