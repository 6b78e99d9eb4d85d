"""What one run, or a year of runs, would do."""
