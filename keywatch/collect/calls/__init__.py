"""Systems that know which keys were used; each yields evidence in batches, with what it covers."""
