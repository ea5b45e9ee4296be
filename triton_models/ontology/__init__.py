# SPDX-License-Identifier: Apache-2.0
"""The words that the models answer in: `v1.json`, the crosswalks from data sets to it, and how it is made."""
