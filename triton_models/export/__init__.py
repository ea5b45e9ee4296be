# SPDX-License-Identifier: Apache-2.0
"""From a trained model to what Triton serves: ONNX graphs, the model repository."""
