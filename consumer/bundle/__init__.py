# SPDX-License-Identifier: Apache-2.0
"""What the consumer knows of a model bundle: manifest, tokeniser, text format, thresholds, canary."""

from consumer.bundle.bundle import Bundle, load_bundle, sha256_of, starter_folder
from consumer.bundle.canary import EMBEDDING_COSINE, PROBABILITY_TOLERANCE, canary_inputs
from consumer.bundle.manifest import (
    BundleFile,
    Canary,
    CanaryRecipe,
    Licence,
    Manifest,
    Task,
    client_hash,
    read_manifest,
    write_manifest,
)
from consumer.bundle.reading import ReadText, read_text
from consumer.bundle.text import TEXT_FORMAT, ComposedText, compose_text
from consumer.bundle.thresholds import (
    NEVER,
    Head,
    TaskThresholds,
    Thresholds,
    head_for,
    read_thresholds,
    write_thresholds,
)
from consumer.bundle.tokeniser import SPECIAL_PIECES, Tokeniser, Tokens, read_vocabulary

__all__ = [
    "EMBEDDING_COSINE",
    "NEVER",
    "PROBABILITY_TOLERANCE",
    "SPECIAL_PIECES",
    "TEXT_FORMAT",
    "Bundle",
    "BundleFile",
    "Canary",
    "CanaryRecipe",
    "ComposedText",
    "Head",
    "Licence",
    "Manifest",
    "ReadText",
    "Task",
    "TaskThresholds",
    "Thresholds",
    "Tokeniser",
    "Tokens",
    "canary_inputs",
    "client_hash",
    "compose_text",
    "head_for",
    "load_bundle",
    "read_manifest",
    "read_text",
    "read_thresholds",
    "read_vocabulary",
    "sha256_of",
    "starter_folder",
    "write_manifest",
    "write_thresholds",
]
