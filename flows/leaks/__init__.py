"""What the future must not reach, and whether it does."""
