"""The Execution Gateway, T4, in both contracts."""
