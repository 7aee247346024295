"""Where networks run: one word for each provider of ONNX Runtime and each device of torch."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Literal, get_args

from semsig.errors import DeviceWarning

Device = Literal["auto", "cpu", "cuda", "coreml", "openvino", "mps"]

DEVICES: tuple[Device, ...] = get_args(Device)

_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "cpu": "CPUExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""In order of preference. Devices after the CPU are used only where they are named: OpenVINO was a
tenth slower than ONNX Runtime's own kernels (``lite``, one thread of an AMD EPYC), and CoreML
recompiles a network for every photo size."""


def onnx_devices() -> list[str]:
    """Return the devices that the installed ONNX Runtime has providers for, preferred first."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    return [device for device, provider in _PROVIDERS.items() if provider in available]


def torch_devices() -> list[str]:
    """Return the devices that torch can use, preferred first."""
    import torch

    cuda = ["cuda"] if torch.cuda.is_available() else []
    return [*cuda, "cpu", *(["mps"] if torch.backends.mps.is_available() else [])]


def choose(device: str, available: Sequence[str]) -> str:
    """Return the device to run on: `device` if it is available, the preferred one for "auto".

    Warns
    -----
    DeviceWarning
        If `device` is not available: the network runs on the CPU.
    """
    if device == "auto":
        return available[0]
    if device not in available:
        fall_back(device, available)
        return "cpu"
    return device


def fall_back(device: str, available: Sequence[str]) -> None:
    """Warn that a device is not available."""
    warnings.warn(
        f"Device {device!r} is not available here, but {', '.join(available)}: the "
        "network runs on the CPU. docs/performance.md says what to install for it.",
        DeviceWarning,
        stacklevel=2,
    )


def provider(device: str, threads: int) -> list[tuple[str, dict[str, Any]]]:
    """Return the providers to request: the device's, and the CPU's for unsupported operators."""
    options = {"device_type": "CPU", "num_of_threads": str(threads)}
    asked = [(_PROVIDERS[device], options if device == "openvino" else {})]
    return asked if device == "cpu" else [*asked, (_PROVIDERS["cpu"], {})]


def device_of(provider: str) -> str:
    """Return the device that a provider of ONNX Runtime runs on."""
    return next(device for device, name in _PROVIDERS.items() if name == provider)
