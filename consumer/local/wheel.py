# SPDX-License-Identifier: Apache-2.0
"""The Triton binary out of the wheel `nvidia-pytriton`, made to run: backend folder, libraries, environment."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from consumer.errors import Refused, to_install

INSTALL = to_install("local")
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass(frozen=True, slots=True)
class TritonWheel:
    """Where the wheel lies. Only a carrier of binaries: nothing of it is imported."""

    package: Path

    @property
    def server(self) -> Path:
        """The program."""
        return self.package / "tritonserver" / "bin" / "tritonserver"

    @property
    def stub(self) -> Path:
        """The program that runs a Python model, for our Python."""
        return self.package / "tritonserver" / "python_backend_stubs" / PYTHON / "triton_python_backend_stub"

    @property
    def environment(self) -> dict[str, str]:
        """What server and stubs need: the wheel's libraries, our libpython, and the modules of our environment."""
        libraries = [str(self.package.parent / "nvidia_pytriton.libs")]
        libpython = Path(sysconfig.get_config_var("LIBDIR"), sysconfig.get_config_var("INSTSONAME"))
        if libpython.is_file():  # not so for Debian's own Python, whose library the loader knows
            libraries.append(str(libpython.parent))
        programs = [str(Path(sys.prefix, "bin")), os.environ.get("PATH", os.defpath)]
        return {
            "LD_LIBRARY_PATH": os.pathsep.join(libraries),
            "PATH": os.pathsep.join(programs),
            "VIRTUAL_ENV": sys.prefix,
        }

    def write_backends(self, folder: Path) -> None:
        """Fill the folder of backends that Triton wants: the Python backend and our stub side by side."""
        python = folder / "python"
        python.mkdir(parents=True, exist_ok=True)
        backend = self.package / "tritonserver" / "backends" / "python"
        for source in (backend / "libtriton_python.so", backend / "triton_python_backend_utils.py", self.stub):
            link = python / source.name
            link.unlink(missing_ok=True)
            link.symlink_to(source)


def find_triton() -> TritonWheel:
    """The installed wheel, fit to run. Raises Refused with the command that installs what is missing."""
    spec = find_spec("pytriton")
    if spec is None or spec.origin is None or find_spec("openvino") is None:
        raise Refused(f"Triton or its CPU runtime is missing; to install them: {INSTALL}")
    wheel = TritonWheel(Path(spec.origin).parent)
    if not wheel.stub.is_file():
        raise Refused(f"Triton's wheel has no Python backend for Python {PYTHON}; use Python 3.11 or 3.12")
    _check_libraries(wheel)
    return wheel


def _check_libraries(wheel: TritonWheel) -> None:
    answer = subprocess.run(  # noqa: S603 - the wheel's own program
        ["ldd", str(wheel.stub)],  # noqa: S607 - part of every glibc
        env=os.environ | wheel.environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    missing = [line.split()[0] for line in answer.stdout.splitlines() if "not found" in line]
    if not missing:
        return
    libpython = f"libpython{PYTHON}"
    if any(name.startswith(libpython) for name in missing):
        raise Refused(
            f"{missing[0]} is missing, which Triton's Python models need; to install it: apt-get install {libpython}"
        )
    raise Refused(f"libraries that Triton needs are missing: {', '.join(missing)}")
