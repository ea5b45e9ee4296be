# SPDX-License-Identifier: Apache-2.0
"""From a vendor's URL to checked pixels."""
