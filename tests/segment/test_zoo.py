from __future__ import annotations

import re
from importlib.util import find_spec

import pytest

from semsig.errors import SegmenterError
from semsig.segment import zoo
from semsig.segment.zoo import find_config, published

needs_mmseg = pytest.mark.skipif(find_spec("mmseg") is None, reason="needs the extra mmseg")


@pytest.mark.mmseg
@needs_mmseg
@pytest.mark.parametrize("model", ["fcn_hr18s", "fcn_hr18", "fcn_hr48"])
@pytest.mark.parametrize(
    "dataset", ["ade20k", "voc12aug", "pascal-context", "pascal-context-59", "cityscapes"]
)
def test_short_names(model, dataset):
    stem = find_config(f"{model}-{dataset}").stem
    assert re.fullmatch(rf"{model}_4xb\d-\d+k_{dataset}-\d+x\d+", stem)
    assert find_config(stem) == find_config(f"{stem}.py") == find_config(f"{model}-{dataset}")


@pytest.mark.mmseg
@needs_mmseg
def test_short_name_means_the_longest_schedule():
    assert find_config("fcn_hr18s-ade20k").stem == "fcn_hr18s_4xb4-160k_ade20k-512x512"


@pytest.mark.mmseg
@needs_mmseg
def test_published_checkpoints_state_their_hash():
    url = published(find_config("fcn_hr48-ade20k"))
    assert url is not None
    assert url.startswith("https://")
    assert url.endswith("fcn_hr48_512x512_160k_ade20k_20200614_214407-a52fc02c.pth")
    for config in zoo._configs().values():
        assert re.search(r"-[0-9a-f]{8}\.pth$", published(config) or "-00000000.pth")


@pytest.mark.mmseg
@needs_mmseg
def test_unknown_config_names_those_near():
    with pytest.raises(SegmenterError, match="fcn_hr18s-ade20k, fcn_hr18s-cityscapes"):
        find_config("fcn_hr18s-ade")
    with pytest.raises(SegmenterError, match="Names are as in"):
        find_config("nonesuch")


def test_config_file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text("model = dict()\n")
    assert find_config(str(path)) == path
    assert published(path) is None


@pytest.mark.skipif(find_spec("mmseg") is not None, reason="mmsegmentation is installed")
def test_without_mmsegmentation():
    with pytest.raises(SegmenterError, match="pip install"):
        find_config("fcn_hr18s-ade20k")
