"""How networks are run."""

from __future__ import annotations

from dataclasses import dataclass

from semsig.errors import OptionError
from semsig.segment.devices import DEVICES, Device


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkOptions:
    """How a network is run.

    Parameters
    ----------
    short_side : int, optional
        Pixels that a photo's short side is resized to, 64 to 1024; by default what the network was
        made for. A larger side resolves smaller things, at a cost that grows with its square.
    threads : int, optional
        Threads within one run, 1 to 1024; all cores by default.
    batch_size : int
        Largest number of photos in one run, 1 to 256.
    device : {"auto", "cpu", "cuda", "coreml", "openvino", "mps"}
        Where it runs: networks of ONNX on "cpu", "cuda", "coreml" or "openvino", those of torch
        on "cpu", "cuda" or "mps". "auto" is CUDA where it is available, and the CPU elsewhere.

    Raises
    ------
    OptionError
        If a value is outside its range.
    """

    short_side: int | None = None
    threads: int | None = None
    batch_size: int = 8
    device: Device = "auto"

    def __post_init__(self) -> None:
        ranges = {"short_side": (64, 1024), "threads": (1, 1024), "batch_size": (1, 256)}
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise OptionError(f"{name} must be {low} to {high}, got {value}.")
        if self.device not in DEVICES:
            raise OptionError(f"device must be one of {', '.join(DEVICES)}, got {self.device!r}.")
