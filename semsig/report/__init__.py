"""Pictures and pages that show what was found and why."""

from semsig.report.matches import conditions_page
from semsig.report.page import search_page
from semsig.report.palette import gimp_palette, palette_picture
from semsig.report.pictures import explanation_picture, segmentation_picture
from semsig.report.regions import regions_picture
from semsig.report.side import Side

__all__ = [
    "Side",
    "conditions_page",
    "explanation_picture",
    "gimp_palette",
    "palette_picture",
    "regions_picture",
    "search_page",
    "segmentation_picture",
]
