"""Pooled descriptors of a network's feature map."""
