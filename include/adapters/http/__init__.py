"""HTTP exchanges with services."""
