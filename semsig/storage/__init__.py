"""Indexes on disk: segments under one manifest, and the snapshots that searches see."""
