"""An account: its row, its books, their comparison and correction."""
