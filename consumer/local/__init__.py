# SPDX-License-Identifier: Apache-2.0
"""Real parts on one machine: Kafka, Triton, an image host; the demo."""
