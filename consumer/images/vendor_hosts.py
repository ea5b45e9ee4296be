# SPDX-License-Identifier: Apache-2.0
"""Which hosts a vendor's URLs may name. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from consumer.images.ranges import Address
    from consumer.settings import ImageSettings

    Host = Address | str

#: The key of those whom a list does not name.
EVERYBODY = "*"
_BELOW = "*."


@dataclass(frozen=True, slots=True)
class HostList:
    """Some hosts: names in lower case without a last dot, names whose subdomains are meant, and addresses."""

    exact: frozenset[Host]
    above: frozenset[str]

    def __contains__(self, host: Host) -> bool:
        if host in self.exact:
            return True
        return isinstance(host, str) and any(parent in self.above for parent in _parents(host))


@dataclass(frozen=True, slots=True, eq=False)
class VendorHosts:
    """The lists of one vendor: one object for all with the same rules, so that it is cheap in a key for shared work."""

    allowed: HostList | None
    """None allows any."""
    denied: HostList

    def may_name(self, host: Host) -> bool:
        """Whether a URL may name the host: what is denied stays so where it is allowed too."""
        return host not in self.denied and (self.allowed is None or host in self.allowed)


@dataclass(frozen=True, slots=True)
class HeldLists:
    """Under which keys of the settings the lists stand that hold for a vendor."""

    allowed: str | None
    """The vendor's own, else everybody's; None where neither has one."""
    denied: tuple[str, ...]
    """The vendor's own and everybody's, where they are."""

    @classmethod
    def of(cls, vendor_id: str, settings: ImageSettings) -> HeldLists:
        """Those of a vendor, or of everybody."""
        keys = tuple(dict.fromkeys((vendor_id, EVERYBODY)))
        allowed = next((key for key in keys if key in settings.allowed_hosts), None)
        return cls(allowed, tuple(key for key in keys if key in settings.denied_hosts))


@dataclass(frozen=True, slots=True)
class HostRules:
    """The lists of all vendors that have one, and of those who have none."""

    vendors: dict[str, VendorHosts]
    others: VendorHosts

    @classmethod
    def of(cls, settings: ImageSettings, unwrapped: Callable[[Address], Address]) -> HostRules:
        """The settings' lists; `unwrapped` gives addresses the one form in which hosts are compared."""
        allowed = {vendor: _host_list(hosts, unwrapped) for vendor, hosts in settings.allowed_hosts.items()}
        shared: dict[tuple[HostList | None, HostList], VendorHosts] = {}

        def hosts_of(vendor: str) -> VendorHosts:
            held = HeldLists.of(vendor, settings)
            denied = _host_list(tuple(host for key in held.denied for host in settings.denied_hosts[key]), unwrapped)
            rules = allowed[held.allowed] if held.allowed is not None else None, denied
            return shared.setdefault(rules, VendorHosts(*rules))

        named = {*settings.allowed_hosts, *settings.denied_hosts}
        return cls({vendor: hosts_of(vendor) for vendor in named}, hosts_of(EVERYBODY))

    def of_vendor(self, vendor_id: str) -> VendorHosts:
        """The vendor's lists; a vendor who calls itself `*` has those of everybody."""
        return self.vendors.get(vendor_id, self.others)


def _host_list(patterns: tuple[str, ...], unwrapped: Callable[[Address], Address]) -> HostList:
    exact = (pattern for pattern in patterns if not pattern.startswith(_BELOW))
    return HostList(
        frozenset(_host(pattern, unwrapped) for pattern in exact),
        frozenset(pattern.removeprefix(_BELOW) for pattern in patterns if pattern.startswith(_BELOW)),
    )


def _host(pattern: str, unwrapped: Callable[[Address], Address]) -> Host:
    try:
        return unwrapped(ip_address(pattern))
    except ValueError:
        return pattern


def _parents(name: str) -> Iterable[str]:
    """`b.c` and `c` of `a.b.c`."""
    while name := name.partition(".")[2]:
        yield name
