# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka as Maven artifacts: fetched once, cached by the hash of what was asked for."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from consumer.errors import Refused
from consumer.local.process import Launch, last_words, spawn

if TYPE_CHECKING:
    from collections.abc import Callable

JAVA_NEEDED = 17
JAVA_INSTALL = "apt-get install openjdk-17-jre-headless"
MAVEN_INSTALL = "apt-get install maven"
FETCH_LIMIT_S = 600.0

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"
_POM = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>org.hangtag</groupId>
  <artifactId>local-kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>4.1.0</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>4.1.0</version></dependency>
    <!-- Kafka 4.1 has slf4j-api 1.7: the bridge is -impl, not -slf4j2-impl. -->
    <dependency>
      <groupId>org.apache.logging.log4j</groupId><artifactId>log4j-slf4j-impl</artifactId><version>2.24.3</version>
    </dependency>
  </dependencies>
</project>
"""


def java() -> str:
    """Path of Java 17 or later. Raises Refused with the command that installs it."""
    path = shutil.which("java")
    if path is None:
        raise Refused(f"Java {JAVA_NEEDED} is missing; to install it: {JAVA_INSTALL}")
    answer = subprocess.run([path, "-version"], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < JAVA_NEEDED:
        found = answer.stderr.partition("\n")[0] or "an unknown version"
        raise Refused(f"Kafka needs Java {JAVA_NEEDED}, {path} is {found}; to install it: {JAVA_INSTALL}")
    return path


def kafka_jars(logs: Path, progress: Callable[[str], None]) -> Path:
    """Folder of Kafka's jars (54 MB), from the cache or from Maven. Safe to call from two processes at once."""
    jars = cache_folder() / f"kafka-{hashlib.sha256(_POM.encode()).hexdigest()[:12]}"
    if jars.is_dir():
        return jars
    maven = shutil.which("mvn")
    if maven is None:
        raise Refused(f"Maven is missing, which fetches Kafka once; to install it: {MAVEN_INSTALL}")
    progress("fetching Apache Kafka with Maven, once")
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder(), prefix="fetching-") as folder:
        work = Path(folder)
        _fetch(maven, work, logs / "maven.log")
        try:
            (work / "jars").rename(jars)
        except OSError:  # not empty: another process was faster, and its jars are the same
            if not jars.is_dir():
                raise
    return jars


def _fetch(maven: str, work: Path, log: Path) -> None:
    (work / "pom.xml").write_text(_POM)
    command = [maven, "--batch-mode", "--strict-checksums", _PLUGIN, f"-DoutputDirectory={work / 'jars'}"]
    if spawn(Launch(command, work, log)).wait(FETCH_LIMIT_S) != 0:
        raise Refused(f"Maven could not fetch Kafka; the log {log} says:\n{last_words(log)}")


def cache_folder() -> Path:
    """Where what can be fetched or computed again is kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hangtag"
