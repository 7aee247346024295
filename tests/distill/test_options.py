"""Options are checked before anything is read."""

from pathlib import Path

import pytest

from semsig.distill import DistillOptions, Stage
from semsig.errors import OptionError

PLACES = {"photos": Path("photos"), "teacher": "labels:labels", "out": Path("out")}


def test_stages_read_as_written():
    assert Stage.parse("128:0.6,192:0.4") == (
        Stage(side=128, share=0.6),
        Stage(side=192, share=0.4),
    )


@pytest.mark.parametrize("text", ["", "128", "128:a", "128:1:2", "x:1", "100:1", "128:0", "32:1"])
def test_other_stages_are_refused(text):
    with pytest.raises(OptionError):
        Stage.parse(text)


@pytest.mark.parametrize(
    "option",
    [
        {"arch": "hr32"},
        {"optimizer": "sgd"},
        {"stages": ()},
        {"views": -1},
        {"views": 0},
        {"init": Path("weights.pth")},
        {"init": (Path("a.onnx"), Path("b.onnx"))},
        {"init": (Path("embedded"), Path("b.pth"))},
        {"paste": -0.1},
        {"paste": 1.1},
        {"soft_share": 1.1},
        {"hint_weight": -0.1},
        {"least_share": 1.0},
        {"batch_size": 1},
        {"minutes": 0},
        {"label_smoothing": 1.0},
        {"ema_decay": -0.1},
        {"zoom": 0.5},
        {"holdout": 0.6},
        {"holdout": 0},
        {"threads": 0},
        {"learning_rate": float("nan")},
        {"notes": Path("no such file")},
        {"mentor": Path("no such file")},
    ],
)
def test_options_out_of_range_are_refused(option):
    with pytest.raises(OptionError):
        DistillOptions(**PLACES, **option)


def test_weights_may_be_taken_as_they_are():
    assert DistillOptions(**PLACES, views=0, init=(Path("a.pth"), Path("b.pth"))).views == 0


def test_figures_are_given_at_the_last_stage():
    assert DistillOptions(**PLACES, stages=Stage.parse("96:1,160:1")).side == 160
