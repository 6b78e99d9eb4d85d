"""The version is in one place."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import include
from include import __version__

ROOT = Path(include.__file__).parents[1]
WRITTEN_BY_PEOPLE = ("*.py", "*.toml", "*.yml", "*.yaml", "*.env", "Dockerfile", "Makefile", "*.in")


def test_no_other_file_states_the_version_than_the_compose_file_whose_image_it_is() -> None:
    found = [
        str(path.relative_to(ROOT))
        for folder in ("include", "plugins", "dags", "docker")
        for pattern in WRITTEN_BY_PEOPLE
        for path in (ROOT / folder).rglob(pattern)
        if __version__ in path.read_text()
    ]
    found += [
        path.name
        for pattern in WRITTEN_BY_PEOPLE
        for path in ROOT.glob(pattern)
        if re.search(rf"(?<![\d.]){re.escape(__version__)}(?![\d.])", path.read_text())
    ]

    assert found == ["include/__init__.py", "docker-compose.airflow.yml"]


def test_the_compose_files_own_image_is_of_this_version() -> None:
    """Compose cannot read it from anywhere, and an image without a version is not pinned."""
    assert f":-daily-trading:{__version__}}}" in (ROOT / "docker-compose.airflow.yml").read_text()


def test_the_package_takes_its_version_from_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "include.__version__"}


def test_the_description_of_the_api_was_written_for_this_version() -> None:
    assert json.loads((ROOT / "docs" / "openapi.json").read_text())["info"]["version"] == __version__


def test_the_changelog_has_a_chapter_for_it_or_for_what_is_to_come() -> None:
    chapters = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.M)

    assert chapters
    assert chapters[0] in ("Unreleased", __version__)
