# SPDX-License-Identifier: Apache-2.0
"""From bytes to records and back: which schema, which encoding. Start at `codec`."""
