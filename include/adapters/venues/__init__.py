"""Where orders go: one folder a venue."""
