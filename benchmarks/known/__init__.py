"""Known values measured: what looking for ten thousand of them costs, and whether each is found and nothing else."""
