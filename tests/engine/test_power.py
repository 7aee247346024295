"""A power cut while photos are indexed: the index opens, in a state that it had."""

from __future__ import annotations

import random
import shutil
import sys

import pytest

from benchmarks.torture.power import Recorder
from semsig import Engine
from semsig.search import is_unused
from semsig.synthetic import write_scenes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc"),
]

STEPS = ("create", "phrases", "pooled", "add", "add more", "remove", "compact")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return sorted(write_scenes(tmp_path_factory.mktemp("power"), 4).glob("*/*.jpg"))


_VALUES = {"sbs": "cells", "sbovp": "columns", "pooled": "codes"}


def do(name, path, photos):
    if name == "create":
        Engine.create(path, segmenter="lite", signatures=["sbs"])
        return
    engine = Engine.open(path)
    {
        "phrases": lambda: engine.add_signature("sbovp"),
        "pooled": lambda: engine.add_signature("pooled"),
        "add": lambda: engine.add(photos[:2], workers=1),
        "add more": lambda: engine.add(photos, workers=1),
        "remove": lambda: engine.remove(photos[1:2]),
        "compact": engine.compact,
    }[name]()


def state(path):
    """Which signatures each photo has; None where no index was begun."""
    if is_unused(path):
        return None
    engine = Engine.open(path)
    assert not engine._lost
    held = dict(zip(engine.paths, engine.index.ids.tolist(), strict=True))
    kept = {
        photo: (str(engine.index.signature(id_).cells.tolist()), set(engine.sides))
        for photo, id_ in held.items()
    }
    sides = {
        name: {
            id_: str(getattr(side.index.signature(id_), _VALUES[name]).tolist())
            for id_ in side.ids.tolist()
        }
        for name, side in engine.sides.items()
    }
    return kept, sides


@pytest.fixture(scope="module")
def history(tmp_path_factory, photos):
    """What was done, the steps by then, and the state after each."""
    folder = tmp_path_factory.mktemp("world")
    path, states, recorders = folder / "world" / "index", [None], []
    (folder / "world").mkdir()
    for name in STEPS:
        with Recorder(folder / "world") as recorder:
            do(name, path, photos)
        recorders.append(recorder)
        states.append(state(path))
    return recorders, states


@pytest.mark.parametrize("name", STEPS)
def test_every_legal_outcome_opens_and_holds_what_was(history, tmp_path, name):
    recorders, states = history
    place = STEPS.index(name)
    recorder, before, after = recorders[place], states[place], states[place + 1]
    rng, known = random.Random(0), set()
    for number in range(len(recorder.steps) + 1):
        for outcome in recorder.outcomes(number, rng, most=4):
            last = number == len(recorder.steps)
            if outcome.key in known and not last:
                continue
            known.add(outcome.key)
            outcome.write(tmp_path / "left")
            found = state(tmp_path / "left" / "index")
            shutil.rmtree(tmp_path / "left")
            if last:
                assert found == after, "it was reported as done"
            else:
                assert_between(found, before, after)


def assert_between(found, before, after):
    """SBS signatures are those before or after; other signatures are right, or missing."""
    if found is None or before is None:
        assert found in (before, after)
        return
    blocks = {photo: cells for photo, (cells, _) in found[0].items()}
    assert blocks in [{p: cells for p, (cells, _) in one[0].items()} for one in (before, after)]
    for name, rows in found[1].items():
        known = before[1].get(name, {}) | after[1].get(name, {})
        assert rows.items() <= known.items()
