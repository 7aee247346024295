"""Where networks run: by providers that are there, or made up."""

import sys
import warnings
from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest

from semsig.cli import main
from semsig.engine import Engine
from semsig.errors import DeviceWarning, OptionError, SemsigWarning
from semsig.segment import load_segmenter
from semsig.segment.card import PACKAGED
from semsig.segment.devices import choose, device_of, onnx_devices, provider, torch_devices
from semsig.segment.onnx import OnnxSegmenter
from semsig.segment.options import NetworkOptions

ALL = ["CoreMLExecutionProvider", "CUDAExecutionProvider", "OpenVINOExecutionProvider"]
CPU = "CPUExecutionProvider"


@pytest.fixture
def installed(monkeypatch):
    """Make up which providers are installed."""

    def install(*providers):
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [*providers, CPU])

    return install


@pytest.fixture
def started(monkeypatch):
    """Make up what starts: sessions on the CPU, and what else they were asked for."""
    asked, real = [], onnxruntime.InferenceSession

    def start(content, options, *, providers, enable_fallback):
        assert enable_fallback == 0
        asked.append([name for name, _ in providers])
        if asked[-1][0] in start.failing:
            raise RuntimeError("no such library")
        return real(content, options, providers=[CPU])

    start.failing = ()
    start.asked = asked
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    return start


def run_on(device):
    return OnnxSegmenter(PACKAGED["lite"], NetworkOptions(threads=1, device=device))


def test_devices_are_those_with_a_provider_cuda_first_of_all(installed):
    installed("AzureExecutionProvider")
    assert onnx_devices() == ["cpu"]
    installed(*ALL)
    assert onnx_devices() == ["cuda", "cpu", "coreml", "openvino"]


@pytest.mark.parametrize(
    ("providers", "first"), [(ALL, ALL[1]), ([ALL[0], ALL[2]], CPU), ([], CPU)]
)
def test_auto_is_cuda_or_the_cpu(installed, started, providers, first):
    installed(*providers)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run_on("auto")
    assert started.asked[0] == [first, CPU][: 1 + (first != CPU)]


def test_what_is_named_and_there_is_asked_for(installed, started):
    installed(*ALL)
    with pytest.warns(DeviceWarning):  # the session made up here is the CPU's
        run_on("openvino")
    assert started.asked == [["OpenVINOExecutionProvider", CPU]]


def test_a_device_that_is_not_there_is_told_and_the_answers_are_the_cpus(installed):
    installed()
    with pytest.warns(DeviceWarning, match=r"Device 'cuda' is not available here, but cpu"):
        network = run_on("cuda")
    assert network.device == "cpu"
    photo = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    assert np.array_equal(network(photo).labels, run_on("cpu")(photo).labels)


def test_a_device_whose_libraries_are_missing_is_told(installed, started):
    installed("CUDAExecutionProvider")
    started.failing = ("CUDAExecutionProvider",)
    with pytest.warns(DeviceWarning, match="Device 'cuda' is not available here, but cpu"):
        assert run_on("cuda").device == "cpu"
    assert started.asked == [["CUDAExecutionProvider", CPU], [CPU]]
    assert run_on("auto").device == "cpu"


def test_openvino_gets_the_threads_and_the_cpu_takes_over_what_it_lacks():
    asked = provider("openvino", 3)
    assert [device_of(name) for name, _ in asked] == ["openvino", "cpu"]
    assert asked[0][1]["num_of_threads"] == "3"
    assert provider("cpu", 3) == [(CPU, {})]


def test_unknown_devices_are_refused():
    with pytest.raises(OptionError, match=r"device must be one of auto, cpu, .*, got 'tpu'"):
        load_segmenter("lite", device="tpu")


def test_an_engine_opens_its_network_on_the_device(tmp_path, installed):
    installed()
    Engine.create(tmp_path / "index", segmenter="lite")
    with pytest.warns(DeviceWarning):
        Engine.create(None, segmenter="lite", device="coreml")
    engine = Engine.open(tmp_path / "index", device="coreml")
    with pytest.warns(DeviceWarning, match="coreml"):
        assert engine.segmenter.device == "cpu"


def test_torch_is_asked_what_it_has(monkeypatch):
    def has(cuda, mps):
        torch = SimpleNamespace(
            cuda=SimpleNamespace(is_available=lambda: cuda),
            backends=SimpleNamespace(mps=SimpleNamespace(is_available=lambda: mps)),
        )
        monkeypatch.setitem(sys.modules, "torch", torch)
        return torch_devices()

    assert has(cuda=False, mps=False) == ["cpu"]
    assert choose("auto", has(cuda=True, mps=False)) == "cuda"
    assert choose("auto", has(cuda=False, mps=True)) == "cpu"
    assert choose("mps", has(cuda=False, mps=True)) == "mps"


def test_the_command_says_so_in_a_line_and_info_names_the_devices(
    tmp_path, installed, monkeypatch, capsys
):
    from PIL import Image

    installed("OpenVINOExecutionProvider")
    photo, index = tmp_path / "photo.png", tmp_path / "index"
    Image.new("RGB", (96, 64), "green").save(photo)
    for arguments in (
        ["index", str(photo), "--device", "cuda"],
        ["info"],
    ):
        monkeypatch.setattr("sys.argv", ["semsig", *arguments, "--index", str(index)])
        with warnings.catch_warnings():
            warnings.simplefilter("default", SemsigWarning)
            with pytest.raises(SystemExit) as done:
                main()
        assert not done.value.code
    out, err = capsys.readouterr()
    assert "devices    cpu, openvino" in out
    assert "semsig: Device 'cuda' is not available here, but cpu, openvino: the network runs" in err


def test_openvino_labels_as_the_cpu_does():
    if "openvino" not in onnx_devices():
        pytest.skip("onnxruntime-openvino is not installed")
    rng = np.random.default_rng(0)
    photos = [np.kron(rng.integers(0, 256, (8, 12, 3)), np.ones((24, 24, 1))).astype(np.uint8)]
    network = run_on("openvino")
    assert network.device == "openvino"
    for ours, theirs in zip(network.batch(photos), run_on("cpu").batch(photos), strict=True):
        assert (ours.labels == theirs.labels).mean() > 0.999
