# SPDX-License-Identifier: Apache-2.0
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from consumer.errors import SettingsInvalid
from consumer.settings import ImageSettings, load_settings, settings_file


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("HANGTAG_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def faults(**overrides: object) -> list[str]:
    """What is said of the settings as they are, line by line."""
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(**overrides)
    return [line.removeprefix("  ") for line in str(caught.value).splitlines()[1:]]


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


def test_a_wrong_section_in_the_file_is_answered_with_the_nearest_right_one(tmp_path: Path) -> None:
    (tmp_path / "hangtag.toml").write_text("[image]\nports = [80]\n")

    assert faults() == ["image: unknown setting; did you mean images?"]


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

    assert faults() == [f'HANGTAG_SECRETS_DIR: directory "{tmp_path / "nowhere"}" does not exist']


def test_an_event_never_lists_more_images_than_its_readers_were_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__PER_PRODUCT", "7")

    with pytest.raises(SettingsInvalid, match=r"images\.per_product"):
        load_settings()


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
    ("settings", "words"),
    [
        ({"read_timeout_s": 20, "connect_timeout_s": 16}, ["connect_timeout_s = 16 is above", "read_timeout_s = 20"]),
        ({"read_timeout_s": 3, "fetch_timeout_s": 2}, ["read_timeout_s = 3 is above fetch_timeout_s = 2: lower it or"]),
        ({"slow_host_s": 16}, ["slow_host_s"]),
        ({"min_side_px": 64, "max_side_px": 63}, ["min_side_px"]),
        ({"in_flight_per_host": 129}, ["in_flight_per_host"]),
        ({"breaker_first_s": 901}, ["breaker_first_s"]),
        ({"body_bytes": 1 << 20}, ["max_body_bytes = 10485760 is above body_bytes = 1048576: lower it or raise body_"]),
        ({"min_side_px": 10**400}, ["min_side_px = more than 1e308 is above max_side_px = 16384: lower it"]),
        ({"avif_bytes": 105_000_000}, ["avif_bytes = 105000000 is no more than", "set 0, which turns AVIF off"]),
        ({"avif_bytes": 136_000_000, "heic": True}, ["before the first picture (136000000): raise it"]),
        ({"proxy_url": "http://ann:hush@proxy:1"}, ["set egress = proxy, or unset proxy_url"]),
        ({"breaker_first_s": 901, "proxy_url": "http://ann:hush@proxy:1"}, ["breaker_first_s", "proxy_url is set"]),
    ],
)
def test_image_settings_that_contradict_each_other_are_told_all_at_once(
    settings: dict[str, object], words: list[str]
) -> None:
    (told,) = faults(images=settings)

    assert all(fault in told for fault in words)
    assert "hush" not in told


def test_a_default_above_the_bound_that_is_set_is_no_fault() -> None:
    images = load_settings(images={"fetch_timeout_s": 0.5, "in_flight": 2, "breaker_cap_s": 10}).images

    assert (images.read_timeout_s, images.in_flight_per_host) == (5, 8)


@pytest.mark.parametrize("avif_bytes", [0, 105_000_001])
def test_avif_is_off_or_its_process_can_start(avif_bytes: int) -> None:
    assert load_settings(images={"avif_bytes": avif_bytes}).images.avif_bytes == avif_bytes


@pytest.mark.parametrize("rest", ["/path", "//", "/?key=hush", "?key=hush", "/#x", ":1/x"])
def test_a_proxy_with_a_path_is_refused_and_not_repeated(rest: str) -> None:
    (told,) = faults(images={"egress": "proxy", "proxy_url": f"http://ann:hush@proxy{rest}"})

    assert told.startswith("images.proxy_url: has a path or a query, ")
    assert "hush" not in told


@pytest.mark.parametrize("url", ["http://proxy", "http://proxy/", "HTTP://ann:hush@proxy:4750/"])
def test_a_proxy_is_named_with_or_without_the_last_slash(url: str) -> None:
    assert load_settings(images={"egress": "proxy", "proxy_url": url}).images.proxy_url == SecretStr(url)


@pytest.mark.parametrize(("name", "value"), [("max_pixels", 200_000_001), ("decode_threads", 1025)])
def test_more_than_a_machine_can_decode_is_refused(name: str, value: int) -> None:
    with pytest.raises(SettingsInvalid, match=rf"images\.{name}"):
        load_settings(images={name: value})


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("127.0.0.1/8", "'127.0.0.1/8' has host bits set: the network is 127.0.0.0/8, the address 127.0.0.1"),
        ("2001:db8::1/32", "'2001:db8::1/32' has host bits set: the network is 2001:db8::/32, the address 2001:db8::1"),
        ("nonsense", "'nonsense' is no network: 203.0.113.0/24, 2001:db8::/32 or a single address"),
        (5, "'5' is no network: 203.0.113.0/24, 2001:db8::/32 or a single address"),
    ],
)
def test_a_network_that_is_none_is_answered_in_one_line_wherever_it_stands(entry: object, why: str) -> None:
    images = {"refused_networks": [entry], "nat64_prefixes": [entry], "allow_private": [f"{entry}:80"]}

    assert faults(images=images) == [
        f"images.allow_private.0: {why}",
        f"images.refused_networks.0: {why}",
        f"images.nat64_prefixes.0: {why}",
    ]


def test_networks_are_refused_by_range_or_by_single_address() -> None:
    images = load_settings(images={"refused_networks": ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"]}).images

    assert [str(network) for network in images.refused_networks] == [
        "203.0.113.0/24",
        "2001:db8::/32",
        "198.51.100.7/32",
    ]


@pytest.mark.parametrize("prefix", ["10.0.0.0/32", "2001:db8::/33", "2001:db8::/128", "2001:db8:0:0:100::/96"])
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


@pytest.mark.parametrize("vendor", ["ac me", "", "*.acme", "a" * 65, "bücher"])
def test_hosts_of_a_vendor_that_no_event_can_have_are_refused(vendor: str) -> None:
    why = """can be no vendor id: [A-Za-z0-9._-]{1,64}, or "*\""""
    hosts = {"a" * 64: ["a.example"], "*": ["b.example"], vendor: ["c.example"]}

    assert faults(images={"allowed_hosts": hosts, "denied_hosts": hosts}) == [
        f"images.allowed_hosts.{vendor}: {vendor!r} {why}",
        f"images.denied_hosts.{vendor}: {vendor!r} {why}",
    ]


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
    with pytest.raises(SettingsInvalid, match=r"images\.heic: .*pip install .*'\.\[heic\]'"):
        load_settings()


@pytest.mark.parametrize("contact", ["mailto:us@shop.example\n", "a\r\nHost: b", "a\x00"])
def test_a_contact_that_does_not_fit_a_header_is_refused(contact: str) -> None:
    with pytest.raises(ValidationError, match="control characters"):
        ImageSettings(contact=contact)
