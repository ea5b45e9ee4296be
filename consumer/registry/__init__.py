# SPDX-License-Identifier: Apache-2.0
"""Schema lookup and encoding: Avro with the shipped schemas, and the checked JSON form."""
