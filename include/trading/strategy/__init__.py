"""What a strategies file says."""
