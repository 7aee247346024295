"""How far a run is, and its resolution and learning rate there."""

from pathlib import Path

import pytest

from semsig.distill import DistillOptions, Stage
from semsig.distill.schedule import learning_rate_at, run_share, side_at


def options(**changes):
    given = {"photos": Path(), "teacher": "labels:x", "out": Path(), "views": 1000} | changes
    return DistillOptions(**given)


def test_the_nearer_end_counts():
    assert run_share(options(), 250, 1e9) == 0.25
    assert run_share(options(minutes=10), 250, 5) == 0.5
    assert run_share(options(minutes=10), 750, 5) == 0.75
    assert run_share(options(), 2000, 0) == 1


def test_stages_take_their_shares_in_order():
    staged = options(stages=Stage.parse("64:1,96:2,128:1"))
    sides = [side_at(staged, done) for done in (0, 0.24, 0.25, 0.74, 0.75, 1)]
    assert sides == [64, 64, 96, 96, 128, 128]


def test_learning_rate_warms_up_and_ends_at_zero():
    given = options(learning_rate=1e-2, warmup_views=160, batch_size=16)
    assert learning_rate_at(given, 0, 0) == pytest.approx(1e-3)
    assert learning_rate_at(given, 144, 0) == pytest.approx(1e-2)
    assert learning_rate_at(given, 500, 0.5) == pytest.approx(1e-2 * 0.5**0.9)
    assert learning_rate_at(given, 1000, 1) == 0
