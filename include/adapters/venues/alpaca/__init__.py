"""Alpaca's Trading API v2, directly: no gateway in between."""
