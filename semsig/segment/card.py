"""The card beside a network file: hash, classes, input size, origin of the weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semsig.classes import ClassTable
from semsig.documents import Entries, parse_json
from semsig.durable import open_regular, read_regular, write_file
from semsig.errors import CheckpointError, ClassTableError

MIN_SIDE, MAX_SIDE = 64, 1024
"""Smallest and largest short side, in pixels, that a network may ask for."""

_WEIGHTS = Path(__file__).parent / "weights"
PACKAGED = {"embedded": _WEIGHTS / "semsig54.onnx", "lite": _WEIGHTS / "lite54.onnx"}
"""The networks shipped with the package, by the name that loads them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkCard:
    """Description of a network file, stored as JSON beside it under the same stem.

    Parameters
    ----------
    sha256 : str
        Hex SHA-256 of the network file.
    classes : ClassTable
        One entry per label of the network's output.
    short_side : int
        Pixels that photos' short side is resized to unless asked otherwise.
    opset : int
        ONNX operator set of the graph.
    provenance : mapping of str to str
        Where the weights come from.
    answers_as : str
        Hex SHA-256 of an earlier file with bit-identical labels and features, so that what was
        made with that file may be used with this one. Empty if there is none.
    """

    sha256: str
    classes: ClassTable
    short_side: int
    opset: int
    provenance: Mapping[str, str] = field(default_factory=dict)
    answers_as: str = ""

    @property
    def identity(self) -> str:
        """Hex SHA-256 that identifies the network's output in fingerprints."""
        return self.answers_as or self.sha256

    def write(self, network: Path) -> None:
        """Write the card beside the file `network`."""
        entries = {
            "sha256": self.sha256,
            **({"answers_as": self.answers_as} if self.answers_as else {}),
            "opset": self.opset,
            "short_side": self.short_side,
            "provenance": dict(self.provenance),
            "table": self.classes.name,
            "classes": list(self.classes.names),
            "palette": [list(color) for color in self.classes.palette],
        }
        text = json.dumps(entries, indent=1, ensure_ascii=False)
        write_file(network.with_suffix(".json"), f"{text}\n".encode())

    @classmethod
    def read(cls, network: Path) -> NetworkCard:
        """Read the card beside the file `network`.

        Raises
        ------
        CheckpointError
            If there is no card, or the file is not a valid one.
        """
        path = network.with_suffix(".json")
        try:
            entries = Entries(parse_json(read_regular(path)))
            provenance = entries.table("provenance")
            return cls(
                sha256=entries.text("sha256"),
                classes=ClassTable.from_entries(entries, names="classes", name="table"),
                short_side=entries.whole("short_side", MIN_SIDE, MAX_SIDE),
                opset=entries.whole("opset", 1, 1000),
                provenance={key: provenance.text(key) for key in provenance},
                answers_as=entries.text("answers_as", ""),
            )
        except OSError as error:
            raise CheckpointError(
                f"{network} has no readable card {path.name} beside it: {error.strerror}. "
                "Export the network again, or put both files together."
            ) from error
        except (ValueError, ClassTableError) as error:
            raise CheckpointError(f"{path} is no network card: {error}.") from error

    def require_hash(self, network: Path) -> None:
        """Read the file `network` and compare it with the card.

        Raises
        ------
        CheckpointError
            If it cannot be read, or is not the file that the card was written for.
        """
        try:
            content = read_regular(network, most=2**31 - 1)
        except OSError as error:
            raise CheckpointError(f"{network} cannot be read: {error.strerror}") from error
        require_hash(network, content, self.sha256)


def require_hash(network: Path, content: bytes, stated: str) -> None:
    """Raise :class:`CheckpointError` unless a network's content has the stated hash."""
    found = hashlib.sha256(content).hexdigest()
    if found != stated:
        raise CheckpointError(
            f"{network} has SHA-256 {found[:16]}..., its card says {stated[:16]}...: "
            "the file is damaged or replaced; export or install it again."
        )


def sha256_of(path: Path) -> str:
    """Return the hex SHA-256 of a file."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
