# SPDX-License-Identifier: Apache-2.0
"""Hangtag: reads product events, asks Triton what is on them, publishes attributes."""

__version__ = "0.1.0"
