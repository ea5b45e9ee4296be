# SPDX-License-Identifier: Apache-2.0
"""The only package that talks to Kafka: owner loop, progress, chains, dead letters, topics."""
