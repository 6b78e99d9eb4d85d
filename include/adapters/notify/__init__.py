"""Channels that alerts go out by."""
