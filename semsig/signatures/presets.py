"""Presets: network, signatures and distance that go together, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from semsig.errors import OptionError
from semsig.segment import DEFAULT_SEGMENTER


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Network, signatures and distance that are used together.

    Parameters
    ----------
    segmenter : str
        The network, as :func:`semsig.load_segmenter` takes it.
    levels : int
        Level n of SBS signatures, 0..8.
    signatures : tuple of str, optional
        What photos are indexed by; by default all that suit the network, see
        :meth:`SignatureKind.is_default`.
    signature : str, optional
        What they are ranked by; by default the one of their signatures that ranks best.
    metric : str, optional
        The distance; the signature's default if left out.
    encoding : mapping of str to mapping
        Options of encoders, by the names of their kinds.
    """

    segmenter: str = DEFAULT_SEGMENTER
    levels: int = 3
    signatures: tuple[str, ...] | None = None
    signature: str | None = None
    metric: str | None = None
    encoding: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def named(cls, name: str) -> Preset:
        """Return a preset by its name.

        Parameters
        ----------
        name : {"default", "paper"}
            "default" is what ranks best on training photos; "paper" is Ouni et al. 2022 to the
            letter: an HRNet, n = 3, Hamming distance, and for phrases visual words, counted.

        Raises
        ------
        OptionError
            If there is none.
        """
        if name not in PRESETS:
            raise OptionError(f"Expected a preset of {', '.join(PRESETS)}; got {name!r}.")
        return PRESETS[name]()


def _paper() -> Preset:
    from semsig.signatures.sbovp.encoding import SbovpOptions

    return Preset(
        segmenter="embedded",
        signatures=("sbs",),
        signature="sbs",
        metric="hamming",
        encoding={"sbovp": {"options": SbovpOptions(words="visual", norm="none")}},
    )


PRESETS = MappingProxyType({"default": Preset, "paper": _paper})
"""The function that makes each preset, by its name."""
