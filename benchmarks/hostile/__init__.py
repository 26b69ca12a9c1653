"""How long detection takes over input that was made to take long."""
