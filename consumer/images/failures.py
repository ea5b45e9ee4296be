# SPDX-License-Identifier: Apache-2.0
"""What an error of the client means: why the image is lost, what that says of its host, and more for the operator."""

from __future__ import annotations

import errno
import ssl
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from aiohttp import hdrs

from consumer.events import FetchReason
from consumer.images.hosts import Evidence
from consumer.images.line import EndlessAnswerError

if TYPE_CHECKING:
    from collections.abc import Mapping


class Failure(NamedTuple):
    """One meaning."""

    reason: FetchReason
    evidence: Evidence
    cause: str | None = None
    """In words of ours or of the system's; None where the reason says it all."""


#: The first that fits.
_MEANINGS: tuple[tuple[type[Exception], FetchReason, Evidence], ...] = (
    (aiohttp.ConnectionTimeoutError, FetchReason.TIMEOUT_CONNECT, Evidence.BAD),
    (aiohttp.ServerTimeoutError, FetchReason.TIMEOUT_READ, Evidence.BAD),
    (TimeoutError, FetchReason.TIMEOUT_TOTAL, Evidence.BAD),
    (aiohttp.ClientConnectorDNSError, FetchReason.DNS, Evidence.NONE),
    (aiohttp.InvalidURL, FetchReason.INVALID_URL, Evidence.NONE),
    (aiohttp.ClientProxyConnectionError, FetchReason.CONNECT, Evidence.NONE),
    (EndlessAnswerError, FetchReason.TOO_LARGE, Evidence.NONE),  # it may be a proxy's
    (aiohttp.ClientPayloadError, FetchReason.INCOMPLETE, Evidence.NONE),
    (aiohttp.ServerDisconnectedError, FetchReason.INCOMPLETE, Evidence.NONE),
    (aiohttp.ClientResponseError, FetchReason.INCOMPLETE, Evidence.NONE),
    (Exception, FetchReason.CONNECT, Evidence.BAD),
)

#: A proxy's word for what it may not connect us to; Smokescreen says 407.
_PROXY_REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
#: What this machine lacks, or its own network: no word of any host.
_OUR_OWN = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.EACCES,
    }
)


def failure_of(error: aiohttp.ClientError | OSError) -> Failure:
    """For any error that a request ends with."""
    if isinstance(error, aiohttp.ClientHttpProxyError):
        reason = proxy_reason(error.status, error.headers or {})
        evidence = Evidence.BAD if error.status not in _PROXY_REFUSALS else Evidence.NONE
        return Failure(reason, evidence, f"the proxy answers {error.status}")
    if isinstance(error, OSError) and error.errno in _OUR_OWN:
        return Failure(FetchReason.CONNECT, Evidence.NONE, error.strerror)
    reason, evidence = next((reason, evidence) for kind, reason, evidence in _MEANINGS if isinstance(error, kind))
    return Failure(reason, evidence, _cause(error))


def proxy_reason(status: int, headers: Mapping[str, str]) -> FetchReason:
    """What a proxy means that does not connect us.

    A 407 that asks for credentials, as it has to (RFC 9110, section 15.5.8), means ours. Smokescreen, which refuses an
    address with it, asks for none.
    """
    wants_credentials = status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and hdrs.PROXY_AUTHENTICATE in headers
    is_refusal = status in _PROXY_REFUSALS and not wants_credentials
    return FetchReason.BLOCKED_ADDRESS if is_refusal else FetchReason.CONNECT


def _cause(error: aiohttp.ClientError | OSError) -> str | None:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        certificate = error.certificate_error
        return certificate.verify_message if isinstance(certificate, ssl.SSLCertVerificationError) else "certificate"
    if isinstance(error, aiohttp.ClientConnectorError):
        who = "the proxy: " if isinstance(error, aiohttp.ClientProxyConnectionError) else ""
        return who + (error.os_error.strerror or type(error.os_error).__name__)
    return error.strerror if isinstance(error, OSError) else None
