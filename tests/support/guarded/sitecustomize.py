# SPDX-License-Identifier: Apache-2.0
"""What a Python process imports by itself at its start, when this folder is on its path."""

from tests.support.loopback import guard_loopback

guard_loopback()
