from __future__ import annotations

import os
import pickle
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from semsig.errors import CheckpointError
from semsig.segment.checkpoint import load_checkpoint

pytestmark = [
    pytest.mark.mmseg,
    pytest.mark.skipif(find_spec("mmseg") is None, reason="needs the extra mmseg"),
]


class Payload:
    """Unpickling this would create a file."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self.trace),)


def weights() -> dict[str, object]:
    import torch

    return {"conv.weight": torch.arange(4.0)}


def save(content: object, path: Path) -> Path:
    import torch

    torch.save(content, path)
    return path


def test_state_dict_with_meta(tmp_path):
    content = {"state_dict": weights(), "meta": {"classes": ["a"]}}
    found = load_checkpoint(save(content, tmp_path / "x.pth"))
    assert found["meta"] == {"classes": ["a"]}
    assert found["state_dict"]["conv.weight"].tolist() == [0, 1, 2, 3]


def test_bare_state_dict(tmp_path):
    found = load_checkpoint(save(weights(), tmp_path / "x.pth"))
    assert list(found["state_dict"]) == ["conv.weight"]
    assert found["meta"] == {}


def test_training_curves_of_mmengine(tmp_path):
    from mmengine.logging.history_buffer import HistoryBuffer

    content = {
        "state_dict": weights(),
        "meta": {"iter": np.int64(7), "seed": np.float32(1), "dataset_meta": {"classes": ("a",)}},
        "message_hub": {"log_scalars": {"loss": HistoryBuffer([2.0, 1.0], [1, 1])}},
    }
    found = load_checkpoint(save(content, tmp_path / "x.pth"))
    assert found["state_dict"]["conv.weight"].shape == (4,)
    assert found["meta"]["iter"] == 7
    assert HistoryBuffer([1.0], [1]).min() == 1.0


@pytest.mark.parametrize("place", ["beside", "in meta", "as weight"])
def test_code_is_refused_and_not_run(tmp_path, place):
    trace = tmp_path / "it ran"
    content = {"state_dict": weights(), "meta": {}}
    if place == "beside":
        content["extra"] = Payload(trace)
    elif place == "in meta":
        content["meta"]["classes"] = Payload(trace)
    else:
        content["state_dict"]["conv.bias"] = Payload(trace)
    with pytest.raises(CheckpointError, match="refused"):
        load_checkpoint(save(content, tmp_path / "x.pth"))
    assert not trace.exists()


def test_the_payload_is_real(tmp_path):
    trace = tmp_path / "it ran"
    pickle.loads(pickle.dumps(Payload(trace)))  # noqa: S301
    assert trace.exists()


def test_bare_pickle_with_code_is_refused(tmp_path):
    trace = tmp_path / "it ran"
    (tmp_path / "x.pth").write_bytes(pickle.dumps({"state_dict": Payload(trace)}))
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "x.pth")
    assert not trace.exists()


def test_attribute_look_up_is_only_pretended(tmp_path):
    content = {"state_dict": weights(), "meta": {"classes": Attribute()}}
    assert load_checkpoint(save(content, tmp_path / "x.pth"))["meta"]["classes"] is None


class Attribute:
    """Pickles as ``getattr("text", "upper")``."""

    def __reduce__(self) -> tuple[object, ...]:
        return getattr, ("text", "upper")


def test_damaged_and_missing(tmp_path):
    path = save({"state_dict": weights()}, tmp_path / "x.pth")
    path.write_bytes(path.read_bytes()[:-200])
    for name in ("x.pth", "missing.pth"):
        with pytest.raises(CheckpointError, match=name):
            load_checkpoint(tmp_path / name)
    (tmp_path / "x.pth").write_bytes(b"")
    with pytest.raises(CheckpointError):
        load_checkpoint(tmp_path / "x.pth")


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, {"a": 1}, {"state_dict": 3}])
def test_what_is_no_checkpoint(tmp_path, content):
    with pytest.raises(CheckpointError, match="holds"):
        load_checkpoint(save(content, tmp_path / "x.pth"))


def test_safetensors_come_back_with_their_meta(tmp_path):
    import torch

    from semsig.distill.checkpoint import write_weights

    halves = torch.arange(12.0).reshape(3, 4)
    state = {"a": halves, "turned": halves.T, "same": halves, "n": torch.tensor(3)}
    meta = {"classes": ["sky", "sea"], "images": 7}
    write_weights(tmp_path / "x.safetensors", state, meta)
    found = load_checkpoint(tmp_path / "x.safetensors")
    assert found["meta"] == meta
    assert found["state_dict"].keys() == state.keys()
    assert all(torch.equal(found["state_dict"][name], state[name]) for name in state)


def test_safetensors_of_others_have_no_meta(tmp_path):
    from safetensors.torch import save_file

    save_file(weights(), tmp_path / "x.safetensors", {"format": "pt"})
    found = load_checkpoint(tmp_path / "x.safetensors")
    assert (found["meta"], list(found["state_dict"])) == ({}, ["conv.weight"])


@pytest.mark.parametrize("header", ["[1]", "{", '{"images": NaN}'])
def test_safetensors_with_a_broken_header_are_refused(tmp_path, header):
    from safetensors.torch import save_file

    save_file(weights(), tmp_path / "x.safetensors", {"semsig": header})
    with pytest.raises(CheckpointError, match=r"x\.safetensors"):
        load_checkpoint(tmp_path / "x.safetensors")


@pytest.mark.parametrize("content", [b"", b"\xff" * 40, pickle.dumps({"a": 1})])
def test_damaged_safetensors_are_refused(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    for name in ("x.safetensors", "missing.safetensors"):
        with pytest.raises(CheckpointError, match=name):
            load_checkpoint(tmp_path / name)


def test_safetensors_without_tensors_are_refused(tmp_path):
    from safetensors.torch import save_file

    save_file({}, tmp_path / "x.safetensors")
    with pytest.raises(CheckpointError, match="Expected tensors"):
        load_checkpoint(tmp_path / "x.safetensors")
