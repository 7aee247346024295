"""From photos to a network with its card: label, split, train, export, measure, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from semsig.distill.augment import center_view
from semsig.distill.batches import BatchMaker
from semsig.distill.finish import finish
from semsig.distill.holdout import draw_weights, hold_out, read_catalogue, strata_of
from semsig.distill.learner import Learner
from semsig.distill.network import mixes_fast, pick_device
from semsig.distill.options import DistillOptions, exported_file
from semsig.distill.photos import PhotoStore, find_photos
from semsig.distill.result import DistillResult, Progress
from semsig.distill.teacher import load_teacher
from semsig.distill.training import Training
from semsig.durable import make_folder
from semsig.errors import CheckpointError, OptionError

SETTLING = 16
"""Number of batches from which the batch norms of an exported network get their statistics."""


def run(options: DistillOptions, progress: Callable[[Progress], None]) -> DistillResult:
    """Carry out :func:`semsig.distill.distill`."""
    _prepare(options)
    options = _with_precision(options)
    catalogue = read_catalogue(options.categories) if options.categories else {}
    store = _read(options)
    train, held = _split(options, store, catalogue)
    squares = [center_view(*store[int(i)], options.side) for i in held]
    weights = draw_weights(store.shown[train], options.balance)
    make = BatchMaker(store, train, weights, options)
    learner = Learner(options, store.classes)
    if options.starts_exported and not options.resume:
        side = options.stages[0].side
        learner.settle(make(step, side) for step in range(SETTLING))
    training = Training(options, learner, make, squares)
    training.run(progress)
    return finish(training, store, held, catalogue)


def _prepare(options: DistillOptions) -> None:
    make_folder(options.out)
    if not options.resume and (options.out / "checkpoint.pth").exists():
        raise OptionError(
            f"{options.out} holds a run already; resume it, or choose another folder."
        )
    for path in () if options.resume else options.init:
        if not (exported_file(path) or path).is_file():
            raise CheckpointError(f"There are no weights at {path} to start from.")
    if options.threads:
        torch.set_num_threads(options.threads)


def _with_precision(options: DistillOptions) -> DistillOptions:
    """Resolve ``auto`` by the device, so that the card states the precision that was used."""
    if options.precision != "auto":
        return options
    mixed = mixes_fast(pick_device(options.device))
    return replace(options, precision="bfloat16" if mixed else "float32")


def _read(options: DistillOptions) -> PhotoStore:
    paths = find_photos(options.photos)
    teacher = load_teacher(options.teacher, paths, options.out)
    return PhotoStore(
        paths,
        teacher,
        side=options.cache_side,
        budget_mb=options.cache_mb,
        workers=options.workers,
    )


def _split(
    options: DistillOptions, store: PhotoStore, catalogue: Mapping[str, Mapping[str, str]]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    stems = [path.stem for path in store.paths]
    strata = strata_of(stems, catalogue) if catalogue else store.dominant
    train, held = hold_out(strata, options.holdout)
    if not len(train):
        raise OptionError(
            f"Holding out one of each of {len(held)} strata leaves no photo to train on."
        )
    return train, held
