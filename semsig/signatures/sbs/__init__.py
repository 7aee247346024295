"""Semantic binary signatures."""
