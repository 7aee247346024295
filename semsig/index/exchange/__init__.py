"""Signatures out to other libraries and back."""
