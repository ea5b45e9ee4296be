# SPDX-License-Identifier: Apache-2.0
"""Drawn, made-up products for the demo, the tests and synthetic training data."""
