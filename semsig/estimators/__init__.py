"""semsig as scikit-learn estimators: transformers, and neighbours."""

from semsig.estimators.neighbors import SbsNeighbors
from semsig.estimators.pooled import PooledTransformer
from semsig.estimators.transformer import SbsTransformer

__all__ = ["PooledTransformer", "SbsNeighbors", "SbsTransformer"]
