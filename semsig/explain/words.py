"""English for class names, numbers and lists."""

from __future__ import annotations

from collections.abc import Sequence

_THINGS = """
aeroplane airplane animal apple armchair backpack ball banana bear bed bench bicycle bicyclist
bigcat bird boat book bottle bowl bus cake camel camera car cat chair clock cow cup deer dinosaur
dog donut door elephant face fish flower fox fridge giraffe goat guitar horse house insect kite
knife lamp laptop lion mammal monkey motorbike motorcycle motorcyclist mouse orange oven person
pillow pizza plane poster refrigerator reptile rider sandwich sheep ship sign sofa spoon
suitcase surfboard table tent tiger toilet towel train truck tv tvmonitor umbrella van vase wolf
zebra big_cat cell_phone dining_table diningtable fire_hydrant flower_pot hot_dog parking_meter
potted_plant pottedplant sports_ball stop_sign street_light teddy_bear traffic_light traffic_sign
wine_glass
"""

THINGS = frozenset(name.replace("_", " ") for name in _THINGS.split())
"""Names of classes whose regions can be counted as objects."""

_PLURALS = {
    "person": "people",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
    "mouse": "mice",
    "knife": "knives",
    "wolf": "wolves",
    "bigcat": "big cats",
    "tv": "TVs",
}
_SPOKEN = {
    "other": "background",
    "tvmonitor": "TV",
    "bigcat": "big cat",
    "pottedplant": "potted plant",
    "windowpane": "window",
    "diningtable": "dining table",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def spoken(name: str) -> str:
    """Return a class name as plain words: ``"traffic-light"`` becomes ``"traffic light"``."""
    return _SPOKEN.get(name, " ".join(name.replace("-", " ").replace("_", " ").split()))


def is_thing(name: str) -> bool:
    """Tell whether objects of the class can be counted: horses can, grass cannot."""
    return name in THINGS or spoken(name) in THINGS


def plural(name: str) -> str:
    """Return the plural of a class name: horses, buses, people."""
    if name in _PLURALS:
        return _PLURALS[name]
    word = spoken(name)
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2:-1] not in {*"aeiou"}:
        return word[:-1] + "ies"
    return word + "s"


def number(count: int) -> str:
    """Return a number in words up to ten, in digits beyond."""
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def counted(name: str, count: int) -> str:
    """Return ``"one horse"``, ``"two horses"``."""
    return f"{number(count)} {spoken(name) if count == 1 else plural(name)}"


def listed(parts: Sequence[str]) -> str:
    """Join as English does: ``"a, b and c"``."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def sentence_case(text: str) -> str:
    """Return `text` with a capital first letter and a full stop."""
    return text[:1].upper() + text[1:] + "."
