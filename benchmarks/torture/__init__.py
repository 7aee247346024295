"""Whatever can befall an index, done to it on purpose; see ``python -m benchmarks.torture``."""
