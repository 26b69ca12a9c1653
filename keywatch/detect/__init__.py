"""
Bytes in, matches out: rules, the matching engine, its filters, and the comparison with the keys we hold.

Start at `keywatch.detect.engine.Detector`. Nothing in here reads a clock, a socket or scanned files; the only files
touched are the packaged rules and the cache of what was computed from them.
"""
