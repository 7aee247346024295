"""How many objects of a class a label map shows."""

from __future__ import annotations

import numpy as np

from semsig.types import LabelMap

_SPECK_OF_IMAGE = 0.004
_SPECK_OF_LARGEST = 0.1


def count_objects(label_map: LabelMap, label: int) -> int:
    """Count the connected regions (8-neighbours) of a class.

    Regions under 0.4 % of the map, or under a tenth of the class's largest, are specks and do
    not count. Objects that touch count as one.

    Parameters
    ----------
    label_map : LabelMap
        The map.
    label : int
        Label of the class.
    """
    from semsig.opencv import cv2

    mask = (label_map.labels == label).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    areas = stats[1:, cv2.CC_STAT_AREA]
    if not len(areas):
        return 0
    return int((areas >= max(_SPECK_OF_IMAGE * mask.size, _SPECK_OF_LARGEST * areas.max())).sum())
