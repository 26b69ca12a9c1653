"""How long the guard looks at a body of 10 KB, clean and with a seller's key in it, in each form a request has."""

import json
import statistics
import sys
import time
from urllib.parse import urlencode

from keywatch.guard import Guard, Verdict

_SIZE = 10 << 10
_RUNS = 100
_BAR = 5.0
"""Milliseconds."""
_LETTER = "We have a question about order 302-5551234-5551234 and the report of yesterday, which shows nothing new. "
_KEY = "wq8Zr3Tn5Lk2" + "Vb9Xc4Md7Pf1Jh6G" + "s0Ya3Qe8Ru2T"


def main() -> int:
    """Print one table. Returns 1 if the median of any is above the bar."""
    guard = Guard()
    guard.load()
    clean = (_LETTER * (_SIZE // len(_LETTER) + 1))[:_SIZE]
    middle = _SIZE // 2
    dirty = f"{clean[:middle]}\nhere is my secret key: {_KEY}\n{clean[middle:]}"
    slow = False
    print(f"{'form':<36}{'':<8}{'median':>10}{'worst':>10}   of {_RUNS} runs, milliseconds")
    for kind, form in (
        ("text/plain", str.encode),
        ("application/json", lambda text: json.dumps({"message": text}).encode()),
        ("application/x-www-form-urlencoded", lambda text: urlencode({"message": text}).encode()),
    ):
        for name, text, verdict in (("clean", clean, Verdict.CLEAN), ("dirty", dirty, Verdict.SELLER)):
            body, times = form(text), []
            for _ in range(_RUNS):
                began = time.perf_counter()
                seen = guard.inspect(body, kind)
                times.append((time.perf_counter() - began) * 1000)
                if seen.verdict is not verdict:
                    raise SystemExit(f"{name} {kind} is taken for {seen.verdict}")
            median = statistics.median(times)
            slow = slow or median > _BAR
            print(f"{kind:<36}{name:<8}{median:>10.2f}{max(times):>10.2f}")
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
