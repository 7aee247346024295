"""Pack what scripts.train_gpu needs into a folder small enough to copy to another machine.

Usage: python -m scripts.pack_training PHOTOS LABELS CSV OUT [QUALITY [SOFT]]

PHOTOS, LABELS (DIR[@TABLE]) and CSV are those of `semsig distill`; photos are reduced to a short
side of 192 and stored as WebP of QUALITY (70), labels at half that size. So are the soft labels of
scripts.ensemble_labels if SOFT names their folder; training then uses those. Written to OUT are

* photos0.npz and photos1.npz, two loads: seven and three tenths of the photos, drawn at random;
* lite0.pth and lite2.pth, EfficientNet-Lite with ImageNet's weights; lite0-head.pth, the head of
  the packaged lite; and hr18s.pth, the embedded network with batch norms again, whose statistics
  are taken from photos; all in fp16;
* code/, which needs only torch, numpy and opencv on the other machine.

Needs the extra mmseg and the dependency group mentor.
"""

from __future__ import annotations

import lzma
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from PIL import Image as Pictures

from benchmarks.rivals.whole import efficientnet
from scripts.gpu_training import halved
from scripts.gpu_views import VOID
from semsig.classes import ClassTable
from semsig.distill.augment import center_view, resize_labels
from semsig.distill.holdout import draw_weights, hold_out, read_catalogue, strata_of
from semsig.distill.network import new_network, start_from
from semsig.distill.photos import PhotoStore, find_photos
from semsig.distill.unfold import settle
from semsig.segment import load_segmenter
from semsig.segment.card import PACKAGED, NetworkCard
from semsig.segment.export import HALVED, MEAN, STD

SIDE = 192
HOLDOUT = 0.05
BALANCE = 0.5
FIRST = 0.7
"""Share of the photos in the first load; the second load also has the weights."""

STEP = 17
"""Shares of soft labels are stored in steps of 17 / 255."""

SETTLED = 256
"""Number of photos from which the batch norms of the embedded network get their statistics."""

CODE = (
    "scripts/train_gpu.py",
    "scripts/gpu_tasks.py",
    "scripts/gpu_training.py",
    "scripts/gpu_views.py",
    "scripts/lite_network.py",
    "scripts/plain_hrnet.py",
    "semsig/distill/muon.py",
)
ROOT = Path(__file__).resolve().parents[1]


def main(
    photos: str, labels: str, catalogue: str, out: str, quality: str = "70", soft: str | None = None
) -> None:
    """Write everything, and print the sizes."""
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    paths = find_photos(Path(photos))
    store = PhotoStore(paths, load_segmenter(f"files:{labels}"), side=SIDE, workers=2)
    strata = strata_of([path.stem for path in paths], read_catalogue(Path(catalogue)))
    train, _ = hold_out(strata, HOLDOUT)
    weight = np.zeros(len(paths))
    weight[train] = draw_weights(store.shown[train], BALANCE)
    order = np.random.default_rng(0).permutation(len(paths))
    cut = round(FIRST * len(paths))
    for number, part in enumerate((order[:cut], order[cut:])):
        given = Path(soft) if soft else None
        pack(store, np.sort(part), weight, int(quality), given, folder / f"photos{number}.npz")
    write_weights(
        store, [int(position) for position in train[:: max(1, len(train) // SETTLED)]], folder
    )
    copy_code(folder / "code")
    for path in sorted(folder.iterdir()):
        if path.is_file():
            print(f"{path.name} {path.stat().st_size / 2**20:.1f} MiB")  # noqa: T201


def pack(
    store: PhotoStore,
    part: NDArray[np.int64],
    weight: NDArray[np.float64],
    quality: int,
    soft: Path | None,
    out: Path,
) -> None:
    """Write encoded photos one after the other, and the labels of all in one LZMA stream.

    Soft labels are a second stream: for each photo first classes, second classes and shares, the
    shares in 16 steps. For a photo without soft labels they are made from its labels.
    """
    encoded, maps, sizes, soft_maps = [], [], [], []
    for position in part.tolist():
        image, labels = store[position]
        height, width = labels.shape
        options = [cv2.IMWRITE_WEBP_QUALITY, quality]
        found = cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1]
        encoded.append(found.ravel())
        half = resize_labels(labels, ((width + 1) // 2, (height + 1) // 2))
        maps.append(half.ravel())
        if soft:
            soft_maps.append(_soft(soft / f"{store.paths[position].stem}.png", half).ravel())
        sizes.append((height, width))
    np.savez(
        out,
        photos=np.concatenate(encoded),
        ends=np.cumsum([len(one) for one in encoded]),
        labels=_packed(maps),
        **({"soft": _packed(soft_maps)} if soft else {}),
        sizes=np.array(sizes),
        position=part,
        weight=weight[part],
        total=len(store),
        classes=np.array(store.classes.names),
    )


def _soft(path: Path, labels: NDArray[Any]) -> NDArray[np.uint8]:
    """Return first classes, second classes and shares, (3, H, W), as they are packed."""
    if not path.exists():
        return np.stack([labels, labels, np.where(labels == VOID, 0, VOID)]).astype(np.uint8)
    found = np.asarray(Pictures.open(path)).transpose(2, 0, 1).copy()
    if found.shape[1:] != labels.shape:
        raise SystemExit(f"{path} is {found.shape[1:]}, the photo's labels are {labels.shape}.")
    found[2] = np.rint(found[2] / STEP) * STEP
    return found


def _packed(maps: list[NDArray[Any]]) -> NDArray[np.uint8]:
    return np.frombuffer(lzma.compress(np.concatenate(maps).tobytes()), np.uint8)


def write_weights(store: PhotoStore, settled: list[int], folder: Path) -> None:
    """Write the weights from which training starts."""
    for name in ("lite0", "lite2"):
        state = efficientnet(name).state_dict()
        kept = {key: value for key, value in state.items() if not key.startswith("_fc")}
        torch.save(halved(kept), folder / f"{name}.pth")
    write_head(folder / "lite0-head.pth", store.classes)
    network = new_network("hr18s", len(store.classes))
    start_from(network, [PACKAGED["embedded"]], store.classes)
    squares = [center_view(*store[position], SIDE)[0] for position in settled]
    settle(network, [_normalized(squares[at : at + 16]) for at in range(0, len(squares), 16)])
    torch.save(halved(network.state_dict()), folder / "hr18s.pth")


def write_head(out: Path, classes: ClassTable) -> None:
    """Write the head of the packaged lite, if it has these classes."""
    if NetworkCard.read(PACKAGED["lite"]).classes.names != classes.names:
        return
    found = {}
    for tensor in onnx.load(PACKAGED["lite"]).graph.initializer:
        name = tensor.name.removesuffix(HALVED)
        if name.startswith("head."):
            value = torch.from_numpy(onnx.numpy_helper.to_array(tensor).copy())
            found[name.removeprefix("head.")] = value if value.ndim > 1 else value.float()
    means = [name for name in found if name.endswith("running_mean")]
    counts = [name.replace("running_mean", "num_batches_tracked") for name in means]
    found |= dict.fromkeys(counts, torch.tensor(0))
    torch.save(found, out)


def copy_code(folder: Path) -> None:
    """Copy the modules that run on the other machine, and those of EfficientNet-Lite."""
    for name in CODE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
        for parent in list(Path(name).parents)[:-1]:
            (folder / parent / "__init__.py").touch()
    found = find_spec("efficientnet_lite_pytorch")
    assert found is not None
    assert found.origin is not None
    (folder / "efficientnet_lite_pytorch").mkdir(exist_ok=True)
    for path in Path(found.origin).parent.glob("*.py"):
        shutil.copy(path, folder / "efficientnet_lite_pytorch")


def _normalized(images: list[Any]) -> Any:
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float()
    return (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


if __name__ == "__main__":
    main(*sys.argv[1:])
