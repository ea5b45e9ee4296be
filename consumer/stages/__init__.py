# SPDX-License-Identifier: Apache-2.0
"""The five stages of a delivery, in order: decode, fetch, infer, enrich, publish."""
