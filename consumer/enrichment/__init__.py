# SPDX-License-Identifier: Apache-2.0
"""From model opinions to attributes that a shop can use."""
