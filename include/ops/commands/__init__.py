"""The commands, one a file named as it is typed: its arguments and what it does."""
