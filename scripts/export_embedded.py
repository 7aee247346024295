"""Export a checkpoint as the embedded network of the package.

Usage: python scripts/export_embedded.py CHECKPOINT [SHORT_SIDE [FILE]]

CHECKPOINT is a torch file {"state_dict", "meta": {"classes": [...]}} of mmsegmentation's
fcn_hr18s with plain batch norm, or hr18s.pth of scripts.train_gpu; its class names must be those of
the table semsig54. If FILE is given, it is written instead of the package's network.
Needs the extra mmseg.
"""

from __future__ import annotations

import sys
from pathlib import Path

from semsig.classes import ClassTable
from semsig.segment.card import PACKAGED
from semsig.segment.checkpoint import load_checkpoint
from semsig.segment.export import LEAST_SHARE, export_network
from semsig.segment.network import build_network, fill, read_config
from semsig.segment.zoo import find_config

CONFIG = "fcn_hr18s-ade20k"
EMBEDDED = PACKAGED["embedded"]


def main(checkpoint: str, short_side: str = "192", file: str = str(EMBEDDED)) -> None:
    """Export `checkpoint` to `file`."""
    content = load_checkpoint(Path(checkpoint))
    classes = ClassTable.builtin("semsig54")
    if tuple(content["meta"]["classes"]) != classes.names:
        sys.exit(f"{checkpoint} has other classes than the table semsig54.")
    network = build_network(read_config(find_config(CONFIG)), n_classes=len(classes))
    fill(network, content["state_dict"])
    provenance = {
        "architecture": "mmsegmentation fcn_hr18s (HRNetV2p-W18-Small, FCN head)",
        "photos_seen": str(content["meta"].get("images", "unknown")),
        "trained_on": "8,838 general photos; labels of two small Apache-2.0 networks (MOSAIC, "
        "DeepLabv3 MobileNetV2) merged with the photos' own categories; lately beside a head "
        "of ours on EfficientNet-Lite2 (ImageNet, Apache-2.0)",
    }
    card = export_network(
        network,
        classes,
        Path(file),
        short_side=int(short_side),
        least_share=LEAST_SHARE,
        provenance=provenance,
    )
    print(f"{file}: {Path(file).stat().st_size / 1e6:.2f} MB, SHA-256 {card.sha256}")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
