"""Do to indexes what can befall them, and count what comes of it.

    python -m benchmarks.torture [--long | --seconds N] [--only TEXT] [--seed N] [--write]

Writers are killed at every operation on files, the power is cut (simulated, see
:mod:`benchmarks.torture.power`), disks are full; files of indexes, photos, label maps, networks and
caches are damaged, also while they are in use; documents hold odd values. Each try runs in a
process of its own. It may give the right answer, or an error that semsig names. What may not come
is counted in the other columns: a wrong answer without an error, a traceback, a crash, a hang. The
exit status is 1 if there was any. Linux only.

A minute by default, an hour with --long; --write puts the table into docs/reliability.md.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

from benchmarks.markdown import table
from benchmarks.torture import documents, files, indexes
from benchmarks.torture.tries import BAD, Found, Outcome, Tally

Attack = Callable[[Path, random.Random], Found]

ATTACKS: dict[str, Attack] = {
    "a writer killed at each operation on files": indexes.kills,
    "`index` killed, and taken up again": indexes.kills_of_indexing,
    "power cuts, any legal part on the disk": indexes.power_cuts,
    "a full disk while an index changes": indexes.full_disks,
    "damaged files of an index": indexes.damaged_files,
    "files changed while an index is open": indexes.changed_while_open,
    "odd documents with right checksums": documents.odd_documents,
    "damaged photos": files.damaged_photos,
    "damaged label maps": files.damaged_label_maps,
    "damaged networks": files.damaged_networks,
    "damaged cache of keypoints": files.damaged_keypoints,
    "damaged cache of kernels": files.damaged_kernels,
}
"""Each goes on for as long as it is asked."""

DOCS = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
_MARKS = "<!-- torture: begin -->", "<!-- torture: end -->"
_COLUMNS = {
    Outcome.RIGHT: "right answer",
    Outcome.NAMED: "named error",
    Outcome.WRONG: "wrong, silently",
    Outcome.TRACEBACK: "traceback",
    Outcome.CRASH: "crash",
    Outcome.HANG: "hang",
}


def torture(
    names: list[str], seconds: float, seed: int
) -> tuple[dict[str, Tally], list[dict[str, str]]]:
    """Give each attack its share of the time; return tallies and what may not be."""
    tallies: dict[str, Tally] = defaultdict(Counter)
    spent = dict.fromkeys(names, 0.0)
    bad: list[dict[str, str]] = []
    end = time.monotonic() + seconds
    unsynced = mock.patch.object(os, "fsync", return_value=None)  # only a power cut would tell
    with tempfile.TemporaryDirectory() as folder, unsynced:
        going = {
            name: ATTACKS[name](Path(folder) / str(number), random.Random(f"{seed} {name}"))
            for number, name in enumerate(names)
        }
        while time.monotonic() < end or len(tallies) < len(names):
            name = min(spent, key=lambda name: spent[name])
            started = time.monotonic()
            what, outcome, said = next(going[name])
            spent[name] += time.monotonic() - started
            tallies[name][outcome] += 1
            if outcome in BAD:
                bad.append({"attack": name, "what": what, "came": outcome.name, "said": said})
    return tallies, bad


def as_table(tallies: Mapping[str, Tally]) -> str:
    rows = [
        [name, f"{tally.total():,}", *(f"{tally[outcome]:,}" for outcome in _COLUMNS)]
        for name, tally in tallies.items()
    ]
    return table(["what is done", "tries", *_COLUMNS.values()], rows)


def write(text: str) -> None:
    """Put the table between its marks in docs/reliability.md."""
    whole = DOCS.read_text("utf-8")
    before, _, rest = whole.partition(_MARKS[0])
    _, _, after = rest.partition(_MARKS[1])
    DOCS.write_text(f"{before}{_MARKS[0]}\n{text}\n{_MARKS[1]}{after}", "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--long", action="store_true", help="for an hour")
    parser.add_argument("--only", default="", help="attacks whose name has this text")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="into docs/reliability.md")
    parser.add_argument("--json", action="store_true", help="print what may not be as JSON")
    options = parser.parse_args()
    names = [name for name in ATTACKS if options.only in name]
    if not names:
        parser.error(f"Expected --only with a part of one of {', '.join(ATTACKS)}.")
    if options.long:
        options.seconds = 3600
    tallies, bad = torture(names, options.seconds, options.seed)
    in_order = {name: tallies[name] for name in names}
    print(as_table(in_order))
    for one in bad if options.json else bad[:10]:
        print(json.dumps(one, indent=1) if options.json else f"\n{one}", file=sys.stderr)
    if options.write:
        called = f"--seconds {options.seconds:g} --seed {options.seed}"
        write(
            f"{as_table(in_order)}\n\nOne run of `{called}`; counts of tries hang on the machine."
        )
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
