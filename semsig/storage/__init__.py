"""Indexes on disk: segments under one manifest, and the snapshots that searches see."""

from semsig.parallel import check_environment

check_environment()  # before what lies here, or in semsig.search, reaches the kernels
