# SPDX-License-Identifier: Apache-2.0
"""What stands against a good run, before it starts: each check asks or tries, and says what to do."""
