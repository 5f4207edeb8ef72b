"""Which addresses a URL that others wrote may lead to: those of the public internet.

Without this, a user could have a bot fetch what only its own network can see.
"""

from __future__ import annotations

import asyncio
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from ..errors import ConnectionFailedError, UnsafeUrlError

# The address inside of one of these stands in its last 32 bits: of the old compatible form, translated, NAT64.
_CARRIERS = tuple(map(ip_network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))

# Not on the public internet, though some versions of Python take them for it: special purposes, among them the metadata
# of some clouds; those of Azure; networks' own NAT64; documentation; segment routing.
_NOT_PUBLIC = tuple(map(ip_network, ("192.0.0.0/24", "168.63.129.16/32", "64:ff9b:1::/48", "3fff::/20", "5f00::/16")))


def is_public(address: str) -> bool:
    """Whether an IP address is on the public internet; one that carries an IPv4 address is as public as that."""
    ip = ip_address(address)
    inner = _inner(ip) if isinstance(ip, IPv6Address) else None
    if inner is not None:
        return is_public(str(inner))
    site_local = isinstance(ip, IPv6Address) and ip.is_site_local
    special = any(ip in network for network in _NOT_PUBLIC)
    return ip.is_global and not (ip.is_multicast or site_local or special)


async def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of a host, in the order to try them.

    Raises UnsafeUrlError when one of them is not public, ConnectionFailedError when there are none.
    """
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter for names that cannot be in the DNS
        raise ConnectionFailedError(f"The host {host} cannot be found.") from None
    addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
    if not all(map(is_public, addresses)):
        raise UnsafeUrlError(f"The host {host} has an address that is not public.")
    return addresses


def refuse_private(host: str) -> None:
    """Raise UnsafeUrlError for a host that can be told to be private without asking for its addresses."""
    try:
        private = not is_public(host)
    except ValueError:  # a name
        private = host.rstrip(".").rpartition(".")[2].lower() == "localhost"
    if private:
        raise UnsafeUrlError(f"The host {host} is not public.")


def _inner(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that packets to this one end at: mapped, 6to4, Teredo, or in the last 32 bits."""
    if ip.teredo is not None:
        return ip.teredo[1]
    if any(ip in carrier for carrier in _CARRIERS):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour
