# SPDX-License-Identifier: Apache-2.0
import json
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from consumer.errors import SettingsInvalid
from consumer.settings import ImageSettings, load_settings


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    for name in [name for name in os.environ if name.startswith("HANGTAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


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


def test_a_wrong_name_in_the_file_is_answered_with_the_nearest_right_one(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text("[engine]\nslot = 10\n")

    with pytest.raises(SettingsInvalid, match=r"engine\.slot: unknown setting; did you mean engine\.slots\?"):
        load_settings()


@pytest.mark.parametrize("name", ["isolation.level", "enable.auto.commit", "transactional.id"])
def test_a_property_that_the_guarantee_rests_on_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("HANGTAG_KAFKA__PROPERTIES", f'{{"{name}": "x"}}')

    with pytest.raises(SettingsInvalid, match=name):
        load_settings()


def test_environment_beats_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text('[kafka]\ngroup_id = "from-file"\nslot = "7"\n')
    monkeypatch.setenv("HANGTAG_KAFKA__GROUP_ID", "from-environment")

    kafka = load_settings().kafka

    assert (kafka.group_id, kafka.slot) == ("from-environment", "7")


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

    with pytest.raises(SettingsInvalid, match="nowhere"):
        load_settings()


def test_an_event_never_lists_more_images_than_its_readers_were_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__PER_PRODUCT", "7")

    with pytest.raises(SettingsInvalid, match=r"images\.per_product"):
        load_settings()


def test_a_broken_json_value_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", "127.0.0.1/32:80")

    with pytest.raises(SettingsInvalid, match=r"images.*written as JSON"):
        load_settings()


def test_a_file_that_is_no_toml_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text('[engine]\nslots = "many\n')

    with pytest.raises(SettingsInvalid, match=r"hangtag\.toml"):
        load_settings()


def test_an_allowed_private_endpoint_names_network_and_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", '["127.0.0.1/32:8123", "[::1]/128:80"]')

    endpoints = load_settings().images.private_endpoints

    assert [(str(endpoint.network), endpoint.port) for endpoint in endpoints] == [
        ("127.0.0.1/32", 8123),
        ("::1/128", 80),
    ]


@pytest.mark.parametrize("entry", ["127.0.0.1/32", "127.0.0.1/32:0", "127.0.0.1/33:80", "host:80"])
def test_a_broken_private_endpoint_is_refused(monkeypatch: pytest.MonkeyPatch, entry: str) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", f'["{entry}"]')

    with pytest.raises(SettingsInvalid, match="allow_private"):
        load_settings()


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("169.254.169.254/32:80", "metadata"),
        ("169.254.0.0/16:80", "metadata"),
        ("100.100.100.200/32:80", "metadata"),
        ("168.63.129.0/24:80", "metadata"),
        ("192.0.0.192/32:80", "metadata"),
        ("[fd00:ec2::254]/128:80", "metadata"),
        ("[fd20:ce::]/64:80", "metadata"),
        ("[::ffff:169.254.169.254]/128:80", "metadata"),
        ("[64:ff9b::]/96:80", "metadata"),
        ("0.0.0.0/0:80", "metadata"),
        ("10.0.0.0/15:80", "wider"),
        ("[fd12::]/63:80", "wider"),
    ],
)
def test_no_exception_is_made_for_a_metadata_service_or_a_whole_network(
    monkeypatch: pytest.MonkeyPatch, entry: str, why: str
) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOW_PRIVATE", json.dumps(["10.0.0.0/16:80", "[fd12::]/64:80", entry]))

    with pytest.raises(SettingsInvalid, match=rf"images\.allow_private\.2: .*{why}"):
        load_settings()


@pytest.mark.parametrize(
    ("settings", "faults"),
    [
        ({"read_timeout_s": 20, "connect_timeout_s": 16}, ["connect_timeout_s = 16 is above", "read_timeout_s = 20"]),
        ({"read_timeout_s": 3, "fetch_timeout_s": 2}, ["read_timeout_s = 3 is above fetch_timeout_s = 2: lower it or"]),
        ({"slow_host_s": 16}, ["slow_host_s"]),
        ({"min_side_px": 64, "max_side_px": 63}, ["min_side_px"]),
        ({"in_flight_per_host": 129}, ["in_flight_per_host"]),
        ({"breaker_first_s": 901}, ["breaker_first_s"]),
        ({"proxy_url": "http://ann:hush@proxy:1"}, ["set egress = proxy, or unset proxy_url"]),
        ({"breaker_first_s": 901, "proxy_url": "http://ann:hush@proxy:1"}, ["breaker_first_s", "proxy_url is set"]),
    ],
)
def test_image_settings_that_contradict_each_other_are_told_all_at_once(
    settings: dict[str, object], faults: list[str]
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(images=settings)

    assert all(fault in str(caught.value) for fault in faults)
    assert "hush" not in str(caught.value)


def test_a_default_above_the_bound_that_is_set_is_no_fault() -> None:
    images = load_settings(images={"fetch_timeout_s": 0.5, "in_flight": 2, "breaker_cap_s": 10}).images

    assert (images.read_timeout_s, images.in_flight_per_host) == (5, 8)


@pytest.mark.parametrize(("name", "value"), [("max_pixels", 200_000_001), ("decode_threads", 1025)])
def test_more_than_a_machine_can_decode_is_refused(name: str, value: int) -> None:
    with pytest.raises(SettingsInvalid, match=rf"images\.{name}"):
        load_settings(images={name: value})


@pytest.mark.parametrize("prefix", ["2001:db8::/33", "2001:db8::/128", "2001:db8:0:0:100::/96"])
def test_a_nat64_prefix_that_cannot_be_one_is_refused(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__NAT64_PREFIXES", f'["{prefix}"]')

    with pytest.raises(SettingsInvalid, match=rf"images\.nat64_prefixes\.0: {prefix} is no NAT64 prefix: 32, 40"):
        load_settings()


@pytest.mark.parametrize("length", [32, 40, 48, 56, 64, 96])
def test_a_nat64_prefix_has_one_of_six_lengths(monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__NAT64_PREFIXES", f'["2001:db8::/{length}"]')

    assert [prefix.prefixlen for prefix in load_settings().images.nat64_prefixes] == [length]


@pytest.mark.parametrize(
    "host",
    [
        "",
        "*",
        "a..b",
        "https://shop.example",
        "shop.example:80",
        "bücher.example",
        "*.8.8",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "a.256",
        "[::1]",
        "::1%eth0",
        "1:2",
    ],
)
def test_a_host_that_no_url_could_name_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__DENIED_HOSTS", json.dumps({"*": [host]}))

    with pytest.raises(SettingsInvalid, match=r"images\.denied_hosts.*is no host name"):
        load_settings()


def test_hosts_are_named_in_any_case_and_with_or_without_the_last_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    hosts = ["CDN.Example.org.", "*.example.org", "xn--bcher-kva.example", "8.8.8.8", "2606:4700::1"]
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOWED_HOSTS", json.dumps({"acme": hosts}))

    allowed = load_settings().images.allowed_hosts

    assert allowed == {"acme": ("cdn.example.org", *hosts[1:])}


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


def test_heic_needs_its_package_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__HEIC", "true")
    assert load_settings().images.heic

    monkeypatch.setenv("HANGTAG_IMAGES__AVIF_BYTES", "0")
    with pytest.raises(SettingsInvalid, match=r"images\.heic: .*images\.avif_bytes"):
        load_settings()
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # as where it is not installed
    with pytest.raises(SettingsInvalid, match=r"images\.heic: .*pip install 'hangtag\[heic\]'"):
        load_settings()


@pytest.mark.parametrize("contact", ["mailto:us@shop.example\n", "a\r\nHost: b", "a\x00"])
def test_a_contact_that_does_not_fit_a_header_is_refused(contact: str) -> None:
    with pytest.raises(ValidationError, match="control characters"):
        ImageSettings(contact=contact)
