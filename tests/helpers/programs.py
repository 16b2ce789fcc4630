"""Programs of the system that some tests need."""

import os
import shutil
import subprocess

import pytest

#: A program that only answers a question takes no longer.
ANSWER_S = 60.0
#: Debian has daemons there, which is not in everybody's PATH.
FOLDERS = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"


def program(name: str) -> str:
    """The path of a program. Skips the test where there is none; fails it in continuous
    integration."""
    found = shutil.which(name, path=FOLDERS)
    if found is None:
        if os.environ.get("TOLK_CI"):
            pytest.fail(f"{name} is not installed")
        pytest.skip(f"{name} is not installed")
    return found


def asked(*command: str | os.PathLike[str], folder: str | os.PathLike[str] = ".") -> str:
    """Run a program to its end in ``folder``: what it said. The test fails if the program does."""
    name, *arguments = command
    ran = subprocess.run(
        [program(str(name)), *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=ANSWER_S,
    )
    assert ran.returncode == 0, ran.stdout
    return ran.stdout
