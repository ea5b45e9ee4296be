# SPDX-License-Identifier: Apache-2.0
"""The schema registry."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from consumer.settings.section import Section


class RegistrySettings(Section):
    """Where schemas are looked up by the ids in values. Without a registry the shipped schemas alone are known."""

    url: str | None = Field(
        None, description="Address of a Confluent-compatible schema registry, or several with commas; unset: none."
    )
    basic_auth: SecretStr | None = Field(None, description="`user:password` for the registry; better in a secret file.")
    ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed the registry's certificate; default: public ones."
    )
    timeout_s: float = Field(5, gt=0, description="For each step of one request: connect, write, each read.")

    @field_validator("url")
    @classmethod
    def _check_url(cls, url: str | None) -> str | None:
        for address in url.split(",") if url else ():
            parts = urlsplit(address.strip())
            if parts.scheme not in {"http", "https"} or not parts.hostname or parts.port == 0:
                raise ValueError("must be http://host:port or https://host:port")
            if parts.username or parts.password:
                raise ValueError("must not carry a password, since addresses are logged; set registry.basic_auth")
        return url

    @field_validator("basic_auth")
    @classmethod
    def _check_basic_auth(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and ":" not in secret.get_secret_value():
            raise ValueError("must be `user:password`")
        return secret
