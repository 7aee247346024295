"""semsig as scikit-learn estimators: transformers, and neighbours.

Samples are photos, label maps or signatures, not rows of numbers, which is what the tags say. Of
scikit-learn's ``check_estimator`` therefore only that they can be cloned is checked on the
estimators as they are; all others pass once each row of numbers is converted to a sample
(``tests/estimators/test_conformance.py``). ``check_array_api_input`` needs SCIPY_ARRAY_API.
"""

from semsig.estimators.neighbors import SbsNeighbors
from semsig.estimators.pooled import PooledTransformer
from semsig.estimators.transformer import SbsTransformer

__all__ = ["PooledTransformer", "SbsNeighbors", "SbsTransformer"]
