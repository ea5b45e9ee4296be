# SPDX-License-Identifier: Apache-2.0
"""What an image costs: `make bench-images`. Figures, not judgements."""

from __future__ import annotations

from tests.bench.images import decode, fetch

if __name__ == "__main__":
    decode.report()
    fetch.report()
