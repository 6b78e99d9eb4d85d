"""How much of each name."""
