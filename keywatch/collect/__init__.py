"""The outside world, one module a system, each behind a small Protocol of `keywatch.model.source`."""
