"""Detection measured: a labelled corpus of our own making, and keywatch beside its peers on it."""
