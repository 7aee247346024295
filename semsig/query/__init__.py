"""Searches by more than a photo: conditions in words, drawn layouts, crops, mirror images."""

from semsig.query.conditions import Condition, Conditions
from semsig.query.grammar import Words, parse, parse_absent
from semsig.query.layout import Box, leave_out, mirrored, read_layout
from semsig.query.lexicon import Lexicon, lexicon
from semsig.query.places import PLACES, Place
from semsig.query.sentence import read_sentence

__all__ = [
    "PLACES",
    "Box",
    "Condition",
    "Conditions",
    "Lexicon",
    "Place",
    "Words",
    "leave_out",
    "lexicon",
    "mirrored",
    "parse",
    "parse_absent",
    "read_layout",
    "read_sentence",
]
