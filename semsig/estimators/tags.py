"""scikit-learn's tags for estimators whose samples are not rows of numbers."""

from __future__ import annotations

from sklearn.utils import Tags


def of_photos(tags: Tags) -> Tags:
    """Return `tags`, changed to say that samples are photos or label maps in a sequence."""
    return of_objects(tags, string=True)


def of_objects(tags: Tags, *, string: bool = False) -> Tags:
    """Return `tags`, changed to say that samples are objects in a sequence, or also strings.

    Input features are neither counted nor named: ``no_validation``.
    """
    tags.input_tags.two_d_array = False
    tags.input_tags.one_d_array = True
    tags.input_tags.string = string
    tags.no_validation = True
    if tags.transformer_tags is not None:
        tags.transformer_tags.preserves_dtype = []
    return tags
