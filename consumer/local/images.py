# SPDX-License-Identifier: Apache-2.0
"""A static image host on loopback, a process of its own: `python -m consumer.local.images --root DIR --port N`.

Files come with an ETag and a Last-Modified date, so that caches can ask again without a body.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.local.process import Launch
from consumer.local.state import rotate

if TYPE_CHECKING:
    from aiohttp import web

    from consumer.local.process import Kept

HOST = "127.0.0.1"
PROBE_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class ImagesStatus:
    """A host that serves the files of `root` under `url`."""

    url: str
    root: str
    pid: int


class ImagesPart:
    """Starts a host for `root`, which is made when it does not exist."""

    name = "images"
    port_count = 1
    start_limit_s = 20.0

    def __init__(self, state: Path, root: Path | None) -> None:
        self._root = (root or state / "images").resolve()
        self._log = state / "logs" / "images.log"

    def launch(self, ports: list[int], token: str) -> Launch:
        """The command."""
        del token
        self._root.mkdir(parents=True, exist_ok=True)
        rotate(self._log)
        command = [sys.executable, "-P", "-m", __name__, "--root", str(self._root), "--port", str(ports[0])]
        # Where this package was found, whether installed or a checkout.
        environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
        return Launch(command, self._root, self._log, environment)

    def probe(self, ports: list[int], kept: Kept) -> ImagesStatus | None:
        """Its status once our own process answers."""
        connection = http.client.HTTPConnection(HOST, ports[0], timeout=PROBE_LIMIT_S)
        try:
            connection.request("GET", "/")
            pid = json.load(connection.getresponse())["pid"]
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return None
        finally:
            connection.close()
        if pid != kept.server.pid:
            return None
        return ImagesStatus(f"http://{HOST}:{ports[0]}", str(self._root), pid)


def make_app(root: Path) -> web.Application:
    """The host: `/` tells its process id, every other path is a file below `root` or a 404.

    Nothing above `root` is reachable, neither by `..` nor by a symbolic link.
    """
    from aiohttp import web

    async def tell_pid(_request: web.Request) -> web.Response:
        return web.json_response({"pid": os.getpid()})

    app = web.Application()
    app.router.add_get("/", tell_pid)
    app.router.add_static("/", root, follow_symlinks=False)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM."""
    from aiohttp import web

    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    web.run_app(make_app(options.root), host=HOST, port=options.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
