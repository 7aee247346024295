"""The command ``semsig``; the only part that prints."""

from semsig.cli.app import main

__all__ = ["main"]
