# SPDX-License-Identifier: Apache-2.0
"""From a vendor's feed file to product events."""
