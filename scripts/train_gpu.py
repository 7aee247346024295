"""Train the mentor, "lite" and the embedded network in minutes, on a GPU or else on the CPU.

Usage: python -m scripts.train_gpu PACK [PACK ...] --out OUT [--minutes N] [--state DIR]
           [--networks NAME ...] [--frozen N] [--start OLD] [--trial]

PACK are folders of scripts.pack_training. Three networks share the time. EfficientNet-Lite2 learns
the labels, later with its own average as mentor. EfficientNet-Lite0, all of it, learns the labels
with Lite2 as mentor, and is kept near its ImageNet features, on which pooled descriptors rely.
HRNet-W18-small continues from the embedded network with both as mentors. Written to OUT are
lite2.pth, lite0.pth and hr18s.pth, averaged weights in fp16, and log.jsonl, with agreement and mIoU
on held-out squares. Started again with the same --state, it resumes at the exact step. If a network
fails, its traceback is logged and its time goes to the others. --frozen 8 does not train the first
blocks of lite, which makes it feasible on a CPU; --start takes the weights of an earlier OUT, with
new state. Needs torch, numpy and opencv; scripts.export_lite and scripts/export_embedded.py export
the results.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
import traceback
from pathlib import Path
from typing import Any

import torch

from scripts.gpu_tasks import HighResolution, Lite
from scripts.gpu_training import SIDE, Average, Log, Plan, Run, Task
from scripts.gpu_views import Pack

TIME = {"lite2": 0.22, "lite0": 0.33, "hr18s": 0.45}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
TRIED = 6
"""Number of steps by which memory formats are compared."""


def main() -> None:
    """Train all three."""
    given = _arguments()
    deadline = time.monotonic() + 60 * given.minutes
    given.out.mkdir(parents=True, exist_ok=True)
    given.state.mkdir(parents=True, exist_ok=True)
    log = Log(given.out / "log.jsonl")
    device = torch.device(given.device if given.device != "auto" else _best())
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(0)
    pack = Pack([f for folder in given.packs for f in sorted(folder.glob("photos*.npz"))], device)
    log(device=str(device), torch=torch.__version__, photos=len(pack.sizes), all=pack.complete)
    if not (pack.complete or given.trial):
        raise SystemExit("Some photos are missing: expected all files of scripts.pack_training.")
    mentors: list[Any] = []
    names = given.networks
    for place, name in enumerate(names):
        share = TIME[name] / sum(TIME[later] for later in names[place:])
        seconds = (deadline - time.monotonic()) * share
        try:
            task: Any = _task(name, given, len(pack.classes), mentors)
            if given.start:
                task.start_from(_weights(given.start / f"{name}.pth"))
            average = _train(task, pack, seconds, given, log)
            if isinstance(task, Lite):
                mentors = [*mentors, (task, average.module)]
        except Exception:
            log(network=name, failed=traceback.format_exc())


def _train(task: Any, pack: Pack, seconds: float, given: Any, log: Log) -> Average:
    started = time.monotonic()
    plan = Plan(seconds=0, batch=given.batch, side=given.side, decay=given.decay)
    task.place(pack.device, _format(task, pack, plan, given, log))
    average = Average(task.network, copy.deepcopy(task.network), plan.decay)
    plan = Plan(
        seconds=max(seconds - (time.monotonic() - started) - given.spare, 1.0),
        batch=given.batch,
        side=given.side,
        decay=given.decay,
        rate=given.rate,
        report=given.report,
        steps=given.steps if given.trial else None,
    )
    Run(task, average, pack, plan, given.out, given.state, log).train()
    return average


def _format(task: Any, pack: Pack, plan: Plan, given: Any, log: Log) -> Any:
    """Return the memory format that `given.formats` names, or the faster one as measured."""
    known = json.loads(given.formats.read_text()) if given.formats.exists() else {}
    if pack.device.type == "cpu":
        return torch.channels_last
    if task.name not in known:
        weights = copy.deepcopy(task.network.state_dict())
        speeds = {name: _speed(task, pack, plan, memory) for name, memory in FORMATS.items()}
        task.network.load_state_dict(weights)
        log(network=task.name, views_a_second=speeds)
        known[task.name] = max(speeds, key=lambda name: speeds[name])
        given.formats.write_text(json.dumps(known))
    return FORMATS[known[task.name]]


def _speed(task: Any, pack: Pack, plan: Plan, memory: Any) -> int:
    task.place(pack.device, memory)
    random = torch.Generator(pack.device).manual_seed(1)
    for step in range(2 * TRIED):
        if step == TRIED:
            torch.cuda.synchronize()
            began = time.monotonic()
        images, labels = pack.draw(plan.batch, plan.side, plan.zoom, plan.paste, random)
        with torch.autocast(pack.device.type, torch.bfloat16):
            loss = task.loss(images, labels, task.network, 0.0)
        loss.backward()
        task.learned.zero_grad(set_to_none=True)
    torch.cuda.synchronize()
    return round(TRIED * plan.batch / (time.monotonic() - began))


def _task(name: str, given: Any, classes: int, mentors: list[Any]) -> Task | Any:
    if name == HighResolution.name:
        return HighResolution(given.packs, classes, mentors)
    return Lite(name, given.packs, classes, mentors, given.frozen)


def _weights(path: Path) -> dict[str, Any]:
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    return state


def _best() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packs", nargs="+", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--state", type=Path, default=Path("train_gpu_state"))
    parser.add_argument("--formats", type=Path, default=Path("train_gpu_formats.json"))
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--networks", nargs="+", choices=list(TIME), default=list(TIME))
    parser.add_argument("--start", type=Path, help="OUT of an earlier run, to go on from")
    parser.add_argument("--frozen", type=int, default=0, help="first blocks of lite that stay")
    parser.add_argument("--rate", type=float, default=1.0, help="times the learning rates")
    parser.add_argument("--decay", type=float, default=0.998, help="of the average, a step")
    parser.add_argument("--report", type=float, default=30.0, help="seconds between checkpoints")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--side", type=int, default=SIDE)
    parser.add_argument("--spare", type=float, default=3.0, help="seconds left for the last report")
    parser.add_argument("--trial", action="store_true", help="a few steps of each, incomplete pack")
    parser.add_argument("--steps", type=int, default=4, help="of --trial")
    return parser.parse_args()


if __name__ == "__main__":
    main()
