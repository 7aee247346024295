"""Label map -> signature."""

from semsig.signature.sbs import sbs, sbs_batch

__all__ = ["sbs", "sbs_batch"]
