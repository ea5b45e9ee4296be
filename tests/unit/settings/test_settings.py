# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from consumer.errors import SettingsInvalid
from consumer.settings import load_settings
from tests.unit.settings.faults import faults


def test_all_faults_are_listed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_ENGINE__SLOTS", "0")
    monkeypatch.setenv("HANGTAG_KAFKA__SLOT", "not a slot!")
    monkeypatch.setenv("HANGTAG_KAFKA__GROUP", "typo")
    monkeypatch.setenv("HANGTAG_KAFAK__SLOT", "1")

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    for name in ("engine.slots", "kafka.slot", "kafka.group", "HANGTAG_KAFAK__SLOT"):
        assert name in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_variable_of_no_section_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_KAFAK__SLOT", "1")

    with pytest.raises(SettingsInvalid, match="HANGTAG_KAFAK__SLOT"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [
        ("HANGTAG_KAFKA__GROUP", "kafka.group: unknown setting; did you mean kafka.group_id?"),
        ("HANGTAG_KAFAK__SLOT", "HANGTAG_KAFAK__SLOT: unknown setting; did you mean HANGTAG_KAFKA__SLOT?"),
        ("HANGTAG_XYZZY", "HANGTAG_XYZZY: unknown setting"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest_right_one(
    monkeypatch: pytest.MonkeyPatch, variable: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, "1")

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert str(caught.value).splitlines()[1:] == [f"  {sentence}"]


@pytest.mark.parametrize("name", ["isolation.level", "enable.auto.commit", "transactional.id"])
def test_a_property_that_the_guarantee_rests_on_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HANGTAG_KAFKA__PROPERTIES", f'{{"{name}": "x"}}')

    with pytest.raises(SettingsInvalid, match=name):
        load_settings()


def test_a_secret_comes_from_its_directory_and_does_not_print(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "triton__read_key").write_text("hush")
    monkeypatch.setenv("HANGTAG_SECRETS_DIR", str(tmp_path / "secrets"))

    settings = load_settings()

    assert settings.triton.read_key is not None
    assert settings.triton.read_key.get_secret_value() == "hush"
    assert "hush" not in repr(settings)


def test_kafka_properties_do_not_print_because_a_password_may_be_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_KAFKA__PROPERTIES", '{"sasl.password": "hush"}')

    settings = load_settings()

    assert settings.kafka.properties == {"sasl.password": "hush"}
    assert "hush" not in repr(settings)


def test_a_secrets_directory_that_is_not_there_is_a_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HANGTAG_SECRETS_DIR", str(tmp_path / "nowhere"))

    assert faults() == [f'HANGTAG_SECRETS_DIR: directory "{tmp_path / "nowhere"}" does not exist']


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("IMAGES__PORTS", "80,443", "images.ports: must be a list, for example {}='[80, 443]'"),
        ("IMAGES__PORTS", "80", "images.ports: must be a list, for example {}='[80]'"),
        ("IMAGES__PORTS", "{}", "images.ports: must be a list"),
        pytest.param("IMAGES__PORTS", "8" * 5_000, "images.ports: must be a list", id="a number of 5,000 digits"),
        pytest.param("IMAGES__PORTS", f"80,{'8' * 5_000}", "images.ports: must be a list", id="one beside another"),
        ("IMAGES__SCHEMES", "[]", "images.schemes: must have at least one entry"),
        ("IMAGES__SCHEMES", '["ftp"]', "images.schemes.0: Input should be 'http' or 'https'"),
        (
            "IMAGES__ALLOW_PRIVATE",
            "[127.0.0.1/32:80, [::1]/128:80]",
            'images.allow_private: must be a list, for example {}=\'["127.0.0.1/32:80", "[::1]/128:80"]\'',
        ),
        (
            "IMAGES__ALLOWED_HOSTS",
            '{"acme": "cdn.example.org"}',
            'images.allowed_hosts.acme: must be a list, for example ["cdn.example.org"]',
        ),
        (
            "IMAGES__ALLOWED_HOSTS__ACME",
            "cdn.example.org",
            "images.allowed_hosts.acme: must be a list, for example {}='[\"cdn.example.org\"]'",
        ),
        (
            "IMAGES__ALLOWED_HOSTS",
            "acme=cdn.example.org",
            'images.allowed_hosts: must be a map, for example {}=\'{{"acme": ["cdn.example.org"]}}\'',
        ),
        (
            "KAFKA__PROPERTIES",
            "sasl.password=hush",
            'kafka.properties: must be a map, for example {}=\'{{"security.protocol": "SASL_SSL"}}\'',
        ),
        ("IMAGES", "hush", "images: must be a section: {}__NAME for each setting, in hangtag.toml the table [images]"),
    ],
)
def test_a_list_or_map_that_is_none_is_answered_with_one_to_write_and_the_other_faults(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    variable = f"HANGTAG_{name}"
    monkeypatch.setenv(variable, value)
    monkeypatch.setenv("HANGTAG_KAFKA__SLOT", "not a slot!")

    told = faults()

    assert line.format(variable) in told
    assert len(told) == 2
    assert "hush" not in str(told)


def test_a_secret_that_is_no_map_is_told_with_the_other_faults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kafka__properties").write_text("sasl.password=hush")
    monkeypatch.setenv("HANGTAG_SECRETS_DIR", str(tmp_path))
    monkeypatch.setenv("HANGTAG_ENGINE__SLOTS", "0")

    of_the_secret, of_the_slots = faults()

    assert of_the_secret == (
        "kafka.properties: must be a map: in hangtag.toml the table [kafka.properties], "
        'elsewhere JSON: {"security.protocol": "SASL_SSL"}'
    )
    assert of_the_slots.startswith("engine.slots: ")


def test_results_per_commit_default_to_a_quarter_of_the_slots() -> None:
    assert load_settings().engine.results_per_commit == 250


@pytest.mark.parametrize("twin", ["attributes", "embeddings", "dead_letters"])
def test_two_settings_of_one_topic_are_refused(monkeypatch: pytest.MonkeyPatch, twin: str) -> None:
    monkeypatch.setenv(f"HANGTAG_TOPICS__{twin.upper()}", "product-events")

    with pytest.raises(SettingsInvalid, match="each needs a topic of its own: product-events"):
        load_settings()


@pytest.mark.parametrize("name", ["bad name!", ".", "..", "a" * 250])
def test_a_topic_that_kafka_would_not_take_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HANGTAG_TOPICS__EVENTS", name)

    with pytest.raises(SettingsInvalid, match=r"topics\.events"):
        load_settings()


@pytest.mark.parametrize("url", ["registry:8081", "ftp://registry", "http://", "http://registry:99999", "http://a,b"])
def test_an_address_of_a_registry_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("HANGTAG_REGISTRY__URL", url)

    with pytest.raises(SettingsInvalid, match=r"registry\.url"):
        load_settings()


def test_a_fault_that_a_check_of_ours_found_is_told_in_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_REGISTRY__URL", "ftp://registry")
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", '["nonsense"]')

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert str(caught.value).splitlines()[1:] == [
        "  images.allow_private.0: 'nonsense' is not CIDR:port with a port of 1-65535",
        "  registry.url: must be http://host:port or https://host:port",
    ]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HANGTAG_REGISTRY__URL", "https://ann:hush@registry:8081"),
        ("HANGTAG_REGISTRY__BASIC_AUTH", "hush"),
    ],
)
def test_a_password_in_the_wrong_place_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert "hush" not in str(caught.value)


def test_several_registries_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_REGISTRY__URL", "https://a:8081,https://b")

    assert load_settings().registry.url == "https://a:8081,https://b"
