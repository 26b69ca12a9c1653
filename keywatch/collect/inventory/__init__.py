"""Systems that hold keys; each yields `Key` records and never a value."""
