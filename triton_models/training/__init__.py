# SPDX-License-Identifier: Apache-2.0
"""From data to a trained model: datasets, model, train, evaluate, calibrate."""
