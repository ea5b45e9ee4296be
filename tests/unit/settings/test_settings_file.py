# SPDX-License-Identifier: Apache-2.0
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from consumer.errors import SettingsInvalid
from consumer.settings import load_settings, settings_file
from tests.unit.settings.faults import faults


def test_a_wrong_name_in_the_file_is_answered_with_the_nearest_right_one(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text("[engine]\nslot = 10\n")

    with pytest.raises(SettingsInvalid, match=r"engine\.slot: unknown setting; did you mean engine\.slots\?"):
        load_settings()


def test_a_wrong_section_in_the_file_is_answered_with_the_nearest_right_one(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text("[image]\nports = [80]\n")

    assert faults() == ["image: unknown setting; did you mean images?"]


def test_environment_beats_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text('[kafka]\ngroup_id = "from-file"\nslot = "7"\n')
    monkeypatch.setenv("HANGTAG_KAFKA__GROUP_ID", "from-environment")

    kafka = load_settings().kafka

    assert (kafka.group_id, kafka.slot) == ("from-environment", "7")


def test_a_list_or_map_that_the_file_has_otherwise_is_answered_with_one_to_write(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text(
        """images = {ports = "80", denied_hosts = "*", allowed_hosts = {acme = "cdn.example.org"}}"""
    )

    of_allowed, of_denied, of_ports = faults()

    assert of_allowed == 'images.allowed_hosts.acme: must be a list, for example ["cdn.example.org"]'
    assert of_denied.startswith("images.denied_hosts: must be a map: in hangtag.toml the table [images.denied_hosts], ")
    assert of_ports == "images.ports: must be a list, for example [80]"


def test_a_number_of_the_file_that_is_too_long_to_write_is_answered_without_an_example(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text(f"images = {{ports = 0x{'f' * 5_000}}}")

    assert faults() == ["images.ports: must be a list"]


def test_maps_of_environment_and_file_are_merged_by_key_and_an_empty_variable_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hangtag.toml").write_text(
        """images = {ports = [8080], allowed_hosts = {acme = ["a.example"], globex = ["b.example"]}}"""
    )
    of_the_file = {"acme": ("a.example",), "globex": ("b.example",)}
    read = {}

    for value in ("", "{}", '{"acme": ["c.example"]}'):
        monkeypatch.setenv("HANGTAG_IMAGES__ALLOWED_HOSTS", value)
        read[value] = load_settings().images.allowed_hosts
    monkeypatch.setenv("HANGTAG_IMAGES__PORTS", "[80]")

    assert list(read.values()) == [of_the_file, of_the_file, {**of_the_file, "acme": ("c.example",)}]
    assert load_settings().images.ports == (80,)


def test_the_file_of_the_working_directory_is_named_and_no_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "hangtag.toml").write_text('[kafka]\nslot = "7"\n')
    (tmp_path / "below").mkdir()

    assert settings_file() == f"hangtag.toml in {tmp_path}"
    monkeypatch.chdir(tmp_path / "below")
    assert settings_file() == f"no hangtag.toml in {tmp_path / 'below'}"
    assert load_settings().kafka.slot == "0"


def test_a_file_that_is_no_toml_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text('[engine]\nslots = "many\n')

    with pytest.raises(SettingsInvalid, match=r"hangtag\.toml"):
        load_settings()


def test_a_file_in_another_encoding_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text("# für alle\n", encoding="latin-1")

    assert faults() == ["hangtag.toml or a secret file is no UTF-8: invalid start byte"]


@pytest.mark.parametrize("put", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("nowhere")])
def test_what_stands_in_the_files_place_and_is_no_file_is_told_with_the_other_faults(
    put: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    put(tmp_path / "hangtag.toml")
    monkeypatch.setenv("HANGTAG_ENGINE__SLOTS", "0")

    of_the_file, of_the_slots = faults()

    assert of_the_file == "hangtag.toml: is no file"
    assert of_the_slots.startswith("engine.slots: ")


@pytest.mark.parametrize("name", ["hangtag.toml", "secrets/kafka__slot"])
def test_a_file_that_may_not_be_read_is_a_fault(name: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "secrets").mkdir()
    (tmp_path / name).touch(mode=0)
    environment = {**os.environ, "HANGTAG_SECRETS_DIR": "secrets", "PYTHONPATH": os.pathsep.join(sys.path)}

    told = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER_USER], env=environment, capture_output=True, text=True, check=True
    )

    _, fault = told.stdout.splitlines()
    assert fault.startswith(f"  {name if name == 'hangtag.toml' else tmp_path / 'secrets'}")
    assert fault.endswith(" cannot be read: Permission denied")


AS_ANOTHER_USER = """
import os
from consumer.errors import SettingsInvalid
from consumer.settings import load_settings
if os.getuid() == 0:  # who may read everything
    os.setuid(65534)
try:
    load_settings()
except SettingsInvalid as error:
    print(error)
"""


def test_a_file_that_fails_while_it_is_read_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").symlink_to("/proc/self/mem")  # a file, whoever asks, and nothing is at its beginning

    assert faults() == ["hangtag.toml or a secret file cannot be read: Input/output error"]
