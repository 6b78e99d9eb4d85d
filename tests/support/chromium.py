"""Debian's Chromium, as Playwright starts it: Playwright's own browsers are never downloaded."""

from __future__ import annotations

import shutil

# TRADING's tests need no other; a machine that keeps it elsewhere has it on its PATH.
EXECUTABLE = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    # Continuous integration runs as root, where Chromium has no sandbox.
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # Nothing but the server under test is spoken to.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
