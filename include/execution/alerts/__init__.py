"""Raising alerts and delivering them."""
