# SPDX-License-Identifier: Apache-2.0
"""A vendor's text -> the one parsed URL that is checked and dialled, or the reason why not. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from yarl import URL

from consumer.events import FetchReason
from consumer.images.addresses import AddressPolicy
from consumer.images.vendor_hosts import HostRules
from consumer.settings.host_names import is_odd_address, literal_of

if TYPE_CHECKING:
    from consumer.images.ranges import Address
    from consumer.images.vendor_hosts import VendorHosts
    from consumer.settings import ImageSettings

MAX_URL_CHARACTERS = 2048
#: Whose verdicts are kept; vendors can invent any number.
_ORIGINS_REMEMBERED = 10_000

#: Backslashes split parsers (GHSA-v359-jj2v-j536), yarl silently drops line breaks, half a surrogate has no encoding.
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
#: What stands before the path (RFC 3986, section 3.2), more strictly than yarl reads it: it takes ` 80`, `8_0` and `٨٠`
#: for a port, `[v1.shop.example]` for that name, and drops an empty user.
_BEFORE_PATH = re.compile(r" *(?:[^:/?#]*:)?//([^/?#]*)")
_AUTHORITY = re.compile(r"(?:.+@)?(\[[0-9a-fA-F:.]+\]|[^\[\]@:]*)(:[0-9]*)?")
#: What yarl leaves in a host may still hold NUL, blanks and percent signs.
_HOST_NAME = re.compile(r"(?=.{1,254}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Decides on everything that can be known of a URL without asking anybody."""

    addresses: AddressPolicy
    schemes: frozenset[str]
    hosts: HostRules
    _verdicts: dict[tuple[str, str, VendorHosts], FetchReason | None] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    @classmethod
    def of(cls, settings: ImageSettings) -> UrlPolicy:
        """The policy that the settings describe."""
        addresses = AddressPolicy.of(settings)
        return cls(addresses, frozenset(settings.schemes), HostRules.of(settings, addresses.unwrapped))

    def hosts_of(self, vendor_id: str) -> VendorHosts:
        """The lists that the vendor's URLs are vetted with; equal for vendors with the same rules, and hashable."""
        return self.hosts.of_vendor(vendor_id)

    def vet(self, text: str, hosts: VendorHosts) -> URL | FetchReason:
        """The URL to fetch, or `invalid_url`, `scheme`, `userinfo`, `port`, `blocked_address` or `host_not_allowed`.

        A host name's address is not known here: the connection is judged again when it is opened.
        """
        url = _parse(text)
        return self._judge(url, hosts) if isinstance(url, URL) else url

    def follow(self, current: URL, location: str, hosts: VendorHosts) -> URL | FetchReason:
        """The target of a redirect, vetted like a first URL; `redirect_downgrade` from https to http."""
        target = _parse(location)
        if isinstance(target, FetchReason):
            return target
        try:
            target = current.join(target)
        except ValueError:
            return FetchReason.INVALID_URL
        if (current.scheme, target.scheme) == ("https", "http"):
            return FetchReason.REDIRECT_DOWNGRADE
        return self._judge(target, hosts)

    def _judge(self, url: URL, hosts: VendorHosts) -> URL | FetchReason:
        """By all that stands before the path, which is the same for most of a vendor's URLs."""
        origin = (url.scheme, url.raw_authority, hosts)
        if origin not in self._verdicts:
            if len(self._verdicts) >= _ORIGINS_REMEMBERED:
                self._verdicts.clear()
            self._verdicts[origin] = self._judge_origin(url, hosts)
        return self._verdicts[origin] or url

    def _judge_origin(self, url: URL, hosts: VendorHosts) -> FetchReason | None:
        try:
            url.host  # noqa: B018  # decodes an IDN
            host_key(url)  # takes apart what yarl has put together: `[2606:47①0::1]` has lost its brackets by then
        except ValueError:
            return FetchReason.INVALID_URL
        if url.scheme not in self.schemes:
            return FetchReason.SCHEME
        name, port = url.raw_host, url.port
        literal = literal_of(name or "")
        if name is None or port is None or (literal is None and not _is_name(name)):
            return FetchReason.INVALID_URL
        if url.raw_user is not None or url.raw_password is not None:
            return FetchReason.USERINFO
        return self._judge_endpoint(literal, port) or self._judge_host(literal or name, hosts)

    def _judge_endpoint(self, literal: Address | None, port: int) -> FetchReason | None:
        if literal is not None:
            return self.addresses.judge(literal, port)
        return None if self.addresses.may_use_port(port) else FetchReason.PORT

    def _judge_host(self, host: Address | str, hosts: VendorHosts) -> FetchReason | None:
        """Last of all: a forbidden address is worth an alert, a forbidden host is not."""
        host = host.rstrip(".") if isinstance(host, str) else self.addresses.unwrapped(host)
        return None if hosts.may_name(host) else FetchReason.HOST_NOT_ALLOWED


def host_key(url: URL) -> str:
    """Whom politeness is owed to: host and port, without the dot that may end a full name."""
    return _host_key(url.scheme, url.raw_authority)


@lru_cache(maxsize=_ORIGINS_REMEMBERED)
def _host_key(scheme: str, authority: str) -> str:
    """Taking an authority apart costs more than all that a host's slots do."""
    url = URL.build(scheme=scheme, authority=authority, encoded=True)
    return f"{(url.raw_host or '').rstrip('.')}:{url.port}"


def _parse(text: str) -> URL | FetchReason:
    if not text or len(text) > MAX_URL_CHARACTERS or _FORBIDDEN.search(text):
        return FetchReason.INVALID_URL
    if (found := _BEFORE_PATH.match(text)) and not _is_authority(found[1]):
        return FetchReason.INVALID_URL
    try:
        return URL(text)
    except (ValueError, IndexError):  # UnicodeError is one; yarl looks behind the end of `[::1]@`
        return FetchReason.INVALID_URL


@lru_cache(maxsize=_ORIGINS_REMEMBERED)
def _is_authority(text: str) -> bool:
    return bool(_AUTHORITY.fullmatch(text))


def _is_name(host: str) -> bool:
    return bool(_HOST_NAME.fullmatch(host)) and not is_odd_address(host)
