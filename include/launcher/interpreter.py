"""Which Pythons the package runs on, and how a wrong one finds a right one. Readable by Python 3.6."""

import os
import shutil
import subprocess
import sys

OLDEST = (3, 11)
NEWEST = (3, 13)
NAMES = ("python3.13", "python3.12", "python3.11")


def is_suitable(version: tuple) -> bool:  # type: ignore[type-arg]
    """Say whether Airflow 3.3 and this package run on the given version; only (major, minor) counts."""
    return OLDEST <= tuple(version[:2]) <= NEWEST


def complaint(version: tuple) -> str:  # type: ignore[type-arg]
    """Return the sentence for a Python that is too old or too new when no other was found."""
    found = "{}.{}".format(*version[:2])
    return (
        "Python 3.11, 3.12 or 3.13 is needed, this is Python " + found + " and none of them is on the PATH: "
        "install one, then run it as `python3.13 include/run.py ...` or `make ... PYTHON=python3.13`."
    )


def find_suitable() -> str:
    """Return the path of the newest suitable Python on the PATH, "" when there is none."""
    for name in NAMES:
        path = shutil.which(name)
        # A name on the PATH can be a version manager's shim that runs nothing.
        if path and subprocess.call([path, "-c", ""], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
            return path
    return ""


def switch_if_unsuitable(arguments: list) -> None:  # type: ignore[type-arg]
    """Go on under a suitable Python, or leave with a sentence when there is none."""
    if is_suitable(sys.version_info):
        return
    python = find_suitable()
    if not python:
        sys.exit(complaint(sys.version_info))
    os.execv(python, [python] + arguments)  # noqa: RUF005
