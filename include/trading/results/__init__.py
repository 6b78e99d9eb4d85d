"""What trading earned: the books of a day, returns, and the figures that reports show."""
