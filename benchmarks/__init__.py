"""Measurements behind the README's tables: ``python -m benchmarks.NAME [--json]``."""
