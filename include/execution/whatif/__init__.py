"""What a run or a year of runs would do."""
