# SPDX-License-Identifier: Apache-2.0
"""Vendor feeds: one adapter per file format gives rows, `rows` turns them into events, `push` sends those."""
