"""Where orders go: one folder per venue."""
