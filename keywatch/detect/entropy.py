"""Shannon entropy of bytes."""

import math
from collections import Counter


def entropy(value: bytes) -> float:
    """Return the bits a byte of `value` carries, 0 to 8, judged by how often each occurs in it."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values()) if total else 0.0
