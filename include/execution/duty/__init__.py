"""What a person on duty or the watchdog does."""
