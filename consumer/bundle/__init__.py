# SPDX-License-Identifier: Apache-2.0
"""What the consumer knows of a model bundle: manifest, tokeniser, text format, thresholds."""
