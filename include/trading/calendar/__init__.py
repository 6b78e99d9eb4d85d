"""When: exchanges, their sessions, and what is due."""
