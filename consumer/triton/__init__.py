# SPDX-License-Identifier: Apache-2.0
"""The client of the inference server and the contract that it checks."""
