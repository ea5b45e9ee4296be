# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import http.client
from urllib.parse import urlsplit

from consumer.local.demo_redirect import PrivateRedirect


def test_the_host_redirects_to_a_port_that_counts_who_calls() -> None:
    with PrivateRedirect() as redirect:
        asking = http.client.HTTPConnection(redirect.address, timeout=5)
        asking.request("GET", "/a.jpg")
        answer = asking.getresponse()
        answer.read()
        asking.close()
        assert redirect.calls() == 0

        target = urlsplit(answer.headers["Location"])
        calling = http.client.HTTPConnection(target.netloc, timeout=5)
        calling.connect()
        assert redirect.calls() == 1
        calling.close()

    assert answer.status == 302
    assert target.netloc != redirect.address
