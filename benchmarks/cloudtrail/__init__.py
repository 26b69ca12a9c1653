"""How fast CloudTrail's files become evidence, beside other programs that read the same files."""
