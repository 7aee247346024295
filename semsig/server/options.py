"""Options of the server."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, fields
from pathlib import Path

from semsig.errors import OptionError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How indexes are served.

    Parameters
    ----------
    host : str
        Address to listen on; any but loopback requires a token.
    port : int
        0..65535; 0 means any free port.
    token : str
        Secret that clients must send; empty if none is required.
    hosts : tuple of str
        Further host names by which browsers may reach the server. Numeric addresses are always
        allowed: DNS rebinding needs a name.
    writable : Path, optional
        Folder for photos that clients add; None refuses adding and removing.
    cache : Path, optional
        Folder for thumbnails; a temporary one by default.
    cache_bytes : int
        Largest number of bytes of thumbnails that are kept.
    upload_bytes, upload_pixels : int
        Largest photo that is accepted, in bytes and in width x height.
    upload_seconds : float
        Longest time that a request's body may take to arrive.
    uploads_bytes : int
        Largest number of bytes of decoded uploads in memory; the most recently used are kept.
    anonymous : bool
        Keep the names of photos, and the searches, out of the log.

    Raises
    ------
    OptionError
        If a value is outside its range, or the host is not loopback and there is no token.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    token: str = ""
    hosts: tuple[str, ...] = ()
    writable: Path | None = None
    cache: Path | None = None
    cache_bytes: int = 512 << 20
    upload_bytes: int = 32 << 20
    upload_pixels: int = 50_000_000
    upload_seconds: float = 30.0
    uploads_bytes: int = 256 << 20
    anonymous: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65_535:
            raise OptionError(f"Expected a port from 0 to 65535, got {self.port}.")
        for field in fields(self):
            limit = getattr(self, field.name)
            if field.name.startswith(("cache_", "upload")) and not limit > 0:
                raise OptionError(f"Expected {field.name} above 0, got {limit}.")
        if not self.is_local and not self.token:
            raise OptionError(
                f"Expected a token for host {self.host!r}, which others can reach; got none. "
                "Give --token TEXT, or --token new for one that is made up."
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        if self.host in LOOPBACK:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def allows(self, name: str) -> bool:
        """Tell whether browsers may reach the server by a host name, given without port."""
        if name in LOOPBACK or name == self.host or name in self.hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return not self.is_local
