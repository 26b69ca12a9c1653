"""How long the guard takes."""
