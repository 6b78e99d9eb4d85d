"""The entry script: `python3 include/run.py demo`, and the other commands that the Makefile lists.

Needs nothing but a Python: it makes the virtual environment, then goes on inside it. This file and
`launcher/interpreter.py` keep to what old Pythons can read, so that those too get a sentence instead of a traceback.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python put this file's folder there; the packages are found from the project's root.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

    from include.launcher import interpreter

    interpreter.switch_if_unsuitable(sys.argv)

    from include.launcher.commands import main

    sys.exit(main(sys.argv[1:]))
