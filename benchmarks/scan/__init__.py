"""How fast scans are, and in how much memory: a history, once and again, files, what is staged, logs, stdin."""
