"""semsig in scikit-learn's terms: a transformer, and neighbours."""

from semsig.estimators.neighbors import SbsNeighbors
from semsig.estimators.transformer import SbsTransformer

__all__ = ["SbsNeighbors", "SbsTransformer"]
