# SPDX-License-Identifier: Apache-2.0
"""`hangtag images check` on URLs that are refused before anybody is asked."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest
from typer import BadParameter
from typer.testing import CliRunner

from consumer.cli import app
from consumer.cli.images import _urls
from consumer.errors import SettingsInvalid
from consumer.events import FetchReason
from consumer.images.check import CheckedUrl

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

REFUSED = {
    "ftp://example.org/a.jpg": "scheme",
    "http://example.org:22/a.jpg": "port",
    "http://user:word@example.org/a.jpg": "userinfo",
    "http://a\\@b/a.jpg": "invalid_url",
    "http://10.0.0.1/a.jpg": "blocked_address",
    "http://[::ffff:169.254.169.254]/a.jpg": "blocked_address",
}


def run(*arguments: object, stdin: bytes | None = None) -> Result:
    return CliRunner().invoke(app, ["images", "check", *map(str, arguments)], input=stdin)


def checked(*arguments: object, stdin: bytes | None = None) -> list[dict[str, Any]]:
    result = run(*arguments, "--output", "json", stdin=stdin)
    assert result.exit_code == 1, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_urls_are_judged_in_the_order_given() -> None:
    found = checked(*REFUSED)

    assert [(one["url"], one["verdict"], one["reason"]) for one in found] == [
        (url, "refused", reason) for url, reason in REFUSED.items()
    ]
    assert [one["steps"] for one in found] == [[]] * len(REFUSED)


def test_people_get_a_line_for_each_and_a_sum() -> None:
    result = run(*REFUSED)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        *(f"refused  {url}  {reason}" for url, reason in REFUSED.items()),
        f"{len(REFUSED)} checked: 0 ok, {len(REFUSED)} refused, 0 failed",
    ]


@pytest.mark.parametrize("name", ["urls.txt", "-"])
def test_a_file_has_a_url_a_line(name: str, tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfftp://a/1\r\n\n   \n# ftp://a/2\n  ftp://a/3\t\nftp://a/#4"
    path = tmp_path / name
    path.write_bytes(content)

    found = checked("--file", "-" if name == "-" else path, stdin=content if name == "-" else None)

    assert [one["url"] for one in found] == ["ftp://a/1", "ftp://a/3", "ftp://a/#4"]


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"http://a\xff\xfe/", "http://a\\xff\\xfe/"),
        (b"http://a\x00/", "http://a\\u0000/"),
        (b"\x1b[2J\x9bhttp://a/", "\\u001b[2J\\x9bhttp://a/"),
        ("http://a b/\u202egpj.exe".encode(), "http://a b/\\u202egpj.exe"),
    ],
)
def test_hostile_bytes_are_judged_and_shown_and_not_obeyed(line: bytes, shown: str) -> None:
    text = run("--file", "-", stdin=line)
    (found,) = checked("--file", "-", stdin=line)

    assert text.exit_code == 1
    assert text.stdout.startswith(f"refused  {shown}  invalid_url\n")
    assert found["reason"] == "invalid_url"
    assert not {"\x1b", "\x9b", "\x00", "\u202e"} & set(text.stdout)


def test_of_a_line_without_an_end_the_beginning_is_kept() -> None:
    lines = BytesIO(b"http://a/" + b"x" * 10_000_000 + b"\nhttp://b/\n" + "http://€/".encode() * 1_000_000)

    first, second, third = _urls(lines)

    assert len(first) == 4 * 2_049
    assert second == "http://b/"
    assert 2_048 < len(third) < 10_000


def test_a_line_that_is_too_long_is_no_url() -> None:
    (found,) = checked("--file", "-", stdin=b"http://example.org/" + b"x" * 10_000_000)

    assert found["reason"] == "invalid_url"


def test_an_argument_that_is_no_utf8_is_judged() -> None:
    (found,) = checked(b"http://a\xff/".decode(errors="surrogateescape"))

    assert (found["url"], found["reason"]) == ("http://a\\xff/", "invalid_url")


def test_a_vendors_own_list_of_hosts_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__DENIED_HOSTS", '{"acme": ["example.org"], "*": ["example.net"]}')

    of_acme = checked("--vendor", "acme", "http://example.org/", "http://example.net/")
    of_nobody = checked("http://example.net/")

    assert [one["reason"] for one in [*of_acme, *of_nobody]] == ["host_not_allowed"] * 3


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--vendor", "acme"], 'vendor acme; allowed hosts: its own; denied hosts: those of "*"'),
        (["--vendor", "other"], 'vendor other; allowed hosts: those of "*"; denied hosts: its own and those of "*"'),
        (
            ["--vendor", "ACME"],
            'vendor ACME has no list of its own; allowed hosts: those of "*"; denied hosts: those of "*"',
        ),
        ([], 'no vendor; allowed hosts: those of "*"; denied hosts: those of "*"'),
    ],
)
def test_people_hear_whose_lists_of_hosts_hold(options: list[str], line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOWED_HOSTS", '{"acme": ["cdn.example.org"], "*": ["*.example.org"]}')
    monkeypatch.setenv("HANGTAG_IMAGES__DENIED_HOSTS", '{"other": ["a.example.org"], "*": ["old.example.org"]}')

    assert run(*options, "ftp://a/").stderr == f"{line}\n"
    assert run(*options, "ftp://a/", "--output", "json").stderr == ""


def test_where_a_vendor_has_no_list_and_nobody_has_any_host_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__ALLOWED_HOSTS", '{"acme": ["cdn.example.org"]}')

    answer = run("--vendor", "acne", "ftp://a/")

    assert answer.stderr == "vendor acne has no list of its own; allowed hosts: any; denied hosts: none\n"


def test_without_lists_of_hosts_nothing_is_said_of_them() -> None:
    assert run("--vendor", "acme", "ftp://a/").stderr == ""


def test_an_argument_that_is_a_file_is_a_forgotten_option(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my urls.txt").write_text("ftp://a/\n")

    answer = CliRunner().invoke(app, ["images", "check", "my urls.txt"], standalone_mode=False)

    assert isinstance(answer.exception, BadParameter)
    assert str(answer.exception) == "my urls.txt is a file: hangtag images check --file 'my urls.txt'"


def test_what_has_no_scheme_and_is_no_file_is_refused_for_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "example.org").mkdir()
    arguments = ["example.org", "www.example.org/a.jpg", "//example.org/a.jpg", "x" * 5_000]

    assert [one["reason"] for one in checked(*arguments)] == ["scheme", "scheme", "scheme", "invalid_url"]


@pytest.mark.parametrize("told", [0, 2])
def test_a_list_that_a_failure_inside_cuts_is_closed(told: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(urls: list[str], _vendor_id: str, _settings: object, tell: Callable[[CheckedUrl], None]) -> None:
        for url in urls[:told]:
            tell(CheckedUrl(url, FetchReason.SCHEME, ()))
        raise RuntimeError("a bug")

    monkeypatch.setattr("consumer.images.check.check_urls", break_down)

    answer = run(*REFUSED, "--output", "json")

    assert isinstance(answer.exception, RuntimeError)
    assert [one["url"] for one in json.loads(answer.stdout)] == list(REFUSED)[:told]


def test_wrong_use_exits_with_2(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n# nothing\n")

    assert run().exit_code == 2
    assert run("ftp://a/", "--file", "-").exit_code == 2
    assert run("--file", tmp_path / "nowhere.txt").exit_code == 2
    assert run("--file", tmp_path).exit_code == 2
    assert run("--file", tmp_path / "empty.txt").exit_code == 2
    assert run("--vendor", "a b", "ftp://a/").exit_code == 2


def test_wrong_settings_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANGTAG_IMAGES__EGRESS", "proxy")

    result = run("ftp://a/")

    assert isinstance(result.exception, SettingsInvalid)
    assert result.exception.exit_code == 2
    assert result.stdout == ""
