"""Photo -> label map: the embedded network in torch, ONNX Runtime and OpenVINO; and lite.

    python -m benchmarks.segmenters [--json]

Writes results/segmenters.json. One thread, one photo of 256 x 384 at that size, from uint8 RGB to
labels at a quarter of it. The last two rows are each network with default settings, where the size
of the input is that of its model card. Needs the extra mmseg, and openvino to measure that. The
torch network has random weights, which do not change its speed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution

import numpy as np
from numpy.typing import NDArray

from benchmarks.timing import as_entries, interleave, write_results
from semsig.segment.card import PACKAGED
from semsig.segment.network import build_network, read_config
from semsig.segment.onnx import packaged
from semsig.segment.options import NetworkOptions
from semsig.segment.zoo import find_config

SIZE = (256, 384)
BASE = "torch, as mmsegmentation infers"
PACKAGES = {
    "torch": ("torch", "onedl-mmsegmentation", "onedl-mmcv", "onedl-mmengine"),
    "ONNX Runtime": ("onnxruntime",),
    "OpenVINO": ("openvino",),
}


def torch_runs(photo: NDArray[np.uint8]) -> dict[str, Callable[[], object]]:
    import torch

    torch.set_num_threads(1)
    network = build_network(read_config(find_config("fcn_hr18s-ade20k")), n_classes=54)
    last = build_network(read_config(find_config("fcn_hr18s-ade20k")), n_classes=54)
    last.to(memory_format=torch.channels_last)
    mean, std = (
        torch.tensor(v).view(1, 3, 1, 1) for v in ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4))
    )
    meta = [dict.fromkeys(("ori_shape", "img_shape", "pad_shape"), SIZE)]

    def inputs() -> torch.Tensor:
        return (torch.from_numpy(photo).permute(2, 0, 1)[None].float() - mean) / std

    @torch.inference_mode()
    def enlarged() -> object:
        return network.encode_decode(inputs(), meta).argmax(1)

    @torch.inference_mode()
    def quarter() -> object:
        return network(inputs(), mode="tensor").argmax(1)

    @torch.inference_mode()
    def quarter_channels_last() -> object:
        channels_last = inputs().contiguous(memory_format=torch.channels_last)
        return last(channels_last, mode="tensor").argmax(1)

    return {
        BASE: enlarged,
        "torch, argmax at 1/4": quarter,
        "torch, argmax at 1/4, channels last": quarter_channels_last,
    }


def onnx_runtime_runs(photo: NDArray[np.uint8]) -> dict[str, Callable[[], object]]:
    alone = NetworkOptions(threads=1)
    whole = packaged("embedded", NetworkOptions(threads=1, short_side=min(SIZE)))
    own, lite = packaged("embedded", alone), packaged("lite", alone)
    return {
        "ONNX Runtime (embedded)": lambda: whole(photo),
        f"ONNX Runtime, as shipped: short side {own.short_side}": lambda: own(photo),
        f"ONNX Runtime, lite: short side {lite.short_side}": lambda: lite(photo),
    }


def openvino_runs(photo: NDArray[np.uint8]) -> dict[str, Callable[[], object]]:
    try:
        import openvino
    except ImportError:
        return {}
    settings = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = openvino.Core().compile_model(PACKAGED["embedded"], "CPU", settings)
    return {"OpenVINO": lambda: compiled([photo[None]])[0]}


def megabytes(packages: tuple[str, ...]) -> float | None:
    """Return the packages' size on disk without dependencies; None if not installed."""
    try:
        files = [file for name in packages for file in distribution(name).files or []]
    except PackageNotFoundError:
        return None
    return round(sum(path.stat().st_size for f in files if (path := f.locate()).is_file()) / 1e6, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    as_json = parser.parse_args().json
    photo = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    runs = torch_runs(photo) | openvino_runs(photo) | onnx_runtime_runs(photo)
    entries = {
        "task": f"one photo, {SIZE[0]} x {SIZE[1]}, one thread, seconds",
        "runs": as_entries(interleave(runs, repeats=9), BASE),
        "installed, MB": {name: megabytes(packages) for name, packages in PACKAGES.items()},
    }
    write_results("segmenters", entries)
    print(json.dumps(entries, indent=1) if as_json else _table(entries))


def _table(entries: dict[str, object]) -> str:
    runs: dict[str, dict[str, float]] = entries["runs"]  # type: ignore[assignment]
    lines = [
        f"  {name:38} {t['cpu']:7.4f} s CPU  {t['least']:7.4f} s at best {t['faster']:6.2f} x"
        for name, t in runs.items()
    ]
    return "\n".join([str(entries["task"]), *lines, f"installed, MB: {entries['installed, MB']}"])


if __name__ == "__main__":
    main()
