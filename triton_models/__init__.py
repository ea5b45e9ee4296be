# SPDX-License-Identifier: Apache-2.0
"""What Triton serves and how it is made."""
