"""`python -m include.ops`."""

from __future__ import annotations

import os
import sys

from include.ops.main import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
