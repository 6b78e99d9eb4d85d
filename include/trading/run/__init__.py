"""A run: its terms, its outcome, its row."""
