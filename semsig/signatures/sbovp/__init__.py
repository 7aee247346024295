"""Semantic bags of visual phrases."""
