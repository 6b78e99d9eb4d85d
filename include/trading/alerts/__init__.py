"""What people are alerted to."""
