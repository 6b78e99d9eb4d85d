"""Commands for the person on duty: `python -m include.ops`. Only arguments and printing; the work is in execution."""
