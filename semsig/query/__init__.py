"""Searches that no photo stands for: conditions in words, drawn layouts, crops, mirror images."""

from semsig.query.conditions import Condition, Conditions
from semsig.query.grammar import parse
from semsig.query.layout import Box, mirrored, read_layout, without
from semsig.query.places import PLACES, Place

__all__ = [
    "PLACES",
    "Box",
    "Condition",
    "Conditions",
    "Place",
    "mirrored",
    "parse",
    "read_layout",
    "without",
]
