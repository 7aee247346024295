"""The training loop.

This is a plain loop over mmsegmentation's model rather than mmengine's Runner, because on a CPU it
is about twice as fast, and shorter than the hooks that the Runner would need. The loss is computed
at the 1/4 scale of HRNet's output, while mmsegmentation's ``loss`` first upsamples every class
plane to full size; photos are kept in memory, and networks in channels_last; and batch k depends
only on the seed and k, so that a run resumes at the exact step.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from semsig.distill import schedule
from semsig.distill.augment import Labels
from semsig.distill.batches import BatchMaker, ahead
from semsig.distill.checkpoint import RunLog, write_checkpoint, write_weights
from semsig.distill.learner import Learner
from semsig.distill.measure import Agreement, confusion_matrix
from semsig.distill.options import DistillOptions
from semsig.distill.result import Progress
from semsig.errors import CheckpointError
from semsig.segment.card import sha256_of
from semsig.segment.checkpoint import load_checkpoint
from semsig.types.label_map import Image

EVERY = 20
"""Number of steps between progress reports and log lines."""

MEMORY = 0.98
"""Decay of the running mean of the loss."""


class Training:
    """A run: a learner, the batches it learns from, and its progress.

    Parameters
    ----------
    options : DistillOptions
    learner : Learner
    make : BatchMaker
        Makes the batch of each step.
    squares : sequence of (image, labels)
        Held-out photos with side ``options.side``, labels with a quarter of it.

    Raises
    ------
    CheckpointError
        If the checkpoint to resume from does not fit.
    """

    def __init__(
        self,
        options: DistillOptions,
        learner: Learner,
        make: BatchMaker,
        squares: Sequence[tuple[Image, Labels]],
    ) -> None:
        self.options = options
        self.learner = learner
        self.step = 0
        self.minutes = 0.0
        self.loss = math.nan
        self.latest: Agreement | None = None
        self.log = RunLog(options.out / "log.jsonl")
        self._make = make
        self._mentor = sha256_of(options.mentor) if options.mentor else None
        self._reported = -1
        self.squares = squares
        if options.resume:
            self._restore()

    @property
    def checkpoint(self) -> Path:
        """The file from which the run can be resumed."""
        return self.options.out / "checkpoint.pth"

    @property
    def views(self) -> int:
        """Photo-views of the weights, including those before this run."""
        return self.learner.views_before + self.step * self.options.batch_size

    @property
    def done(self) -> float:
        """Completed share of the run."""
        return self._share(self.step)

    def run(self, progress: Callable[[Progress], None]) -> None:
        """Train to the end of the run, evaluating and saving at intervals."""
        if self._reported < 0:
            self._report()
        clock, first, before = time.monotonic(), self.step, self.minutes
        reported = self.minutes
        batches = ahead(self._make, self.step, self._side_of, self.options.workers)
        while self.done < 1:
            rate = schedule.learning_rate_at(
                self.options, self.step * self.options.batch_size, self.done
            )
            self._follow(self.learner.learn(next(batches), rate))
            seconds = time.monotonic() - clock
            self.step, self.minutes = self.step + 1, before + seconds / 60
            if self.step % EVERY == 0:
                self._tell(rate, (self.step - first) * self.options.batch_size / seconds, progress)
            if self.minutes - reported >= self.options.report_minutes:
                self._report()
                reported = self.minutes
        if self._reported != self.step:
            self._report()

    def evaluate(self) -> Agreement:
        """Measure the averaged network on the held-out squares."""
        classes = self.learner.classes
        total = np.zeros((len(classes), len(classes)), np.int64)
        for at in range(0, len(self.squares), self.options.batch_size):
            part = self.squares[at : at + self.options.batch_size]
            labels = np.stack([labels for _, labels in part]).astype(np.int64)
            predicted = self.learner.scores(np.stack([image for image, _ in part])).argmax(1)
            total += confusion_matrix(labels, predicted, classes)
        return Agreement(total)

    def _share(self, step: int) -> float:
        return schedule.run_share(self.options, step * self.options.batch_size, self.minutes)

    def _side_of(self, step: int) -> int:
        return schedule.side_at(self.options, self._share(step))

    def _follow(self, loss: float) -> None:
        self.loss = loss if math.isnan(self.loss) else MEMORY * self.loss + (1 - MEMORY) * loss

    def _tell(self, rate: float, speed: float, progress: Callable[[Progress], None]) -> None:
        status = Progress(
            views=self.views,
            done=self.done,
            side=self._side_of(self.step),
            loss=self.loss,
            agreement=self.latest.pixels if self.latest else None,
            miou=self.latest.miou if self.latest else None,
            views_per_second=speed,
            minutes_left=(1 - self.done) / self.done * self.minutes,
            learning_rate=rate,
        )
        self._note(side=status.side, loss=round(self.loss, 5), learning_rate=rate)
        progress(status)

    def _report(self) -> None:
        self.latest = self.evaluate()
        self._note(agreement=round(self.latest.pixels, 5), miou=round(self.latest.miou, 5))
        self._reported = self.step
        self._save()

    def _note(self, **figures: float) -> None:
        self.log.append({"views": self.views, "minutes": round(self.minutes, 3), **figures})

    def _save(self) -> None:
        position = {"step": self.step, "minutes": self.minutes, "loss": self.loss}
        content = self._identity() | position | self.learner.state()
        write_checkpoint(self.checkpoint, content)
        meta = self._identity() | {"images": self.views}
        weights = self.learner.average.state_dict()
        write_checkpoint(self.options.out / "weights.pth", {"state_dict": weights, "meta": meta})
        write_weights(self.options.out / "weights.safetensors", weights, meta)

    def _identity(self) -> dict[str, object]:
        return {
            "arch": self.options.arch,
            "classes": list(self.learner.classes.names),
            "batch_size": self.options.batch_size,
            "mentor": self._mentor,
        }

    def _restore(self) -> None:
        saved = load_checkpoint(self.checkpoint)
        for key, expected in self._identity().items():
            if saved.get(key) != expected:
                raise CheckpointError(
                    f"{self.checkpoint} has another {key} than this run; resume with the "
                    "options it was started with."
                )
        self.learner.restore(saved)
        self.step, self.minutes, self.loss = saved["step"], saved["minutes"], saved["loss"]
        self._reported = self.step
        self.log.cut(self.views)
