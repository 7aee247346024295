"""Serve indexes over HTTP: an API under /api/v1, and a page that uses it.

Needs the extra ``serve``; apart from the command line, nothing in semsig imports this package.
"""

from semsig.server.app import create_app
from semsig.server.options import ServeOptions
from semsig.server.run import serve

__all__ = ["ServeOptions", "create_app", "serve"]
