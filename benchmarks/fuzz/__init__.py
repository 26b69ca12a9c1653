"""Detection under input nobody thought of: what must hold whatever the bytes, and a fuzzer that tries to break it."""
