# SPDX-License-Identifier: Apache-2.0
"""A name server as a process: `python -m tests.bench.hosts.names`; prints its port."""

from __future__ import annotations

import asyncio

from tests.support.name_server import NameServer


async def serve() -> None:
    """Until the process is killed."""
    print(await NameServer().listen(), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve())
