"""How long it takes to look at a little: most of it is starting."""
