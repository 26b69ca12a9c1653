"""
`python -m benchmarks.fuzz [SECONDS]`: atheris looks for input that breaks what `target` says must hold.

Coverage of `keywatch.detect` guides it. It begins with the rules' own examples in every encoding, and knows their
keywords. What breaks it, or takes longer than ten seconds, is left in the working directory as `crash-…` or `slow-…`.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["keywatch.detect"]):
    from keywatch.detect.engine import Detector
    from keywatch.detect.rules import packaged

from benchmarks.fuzz.corpus import seeds, words
from benchmarks.fuzz.target import check

SECONDS = 600
LONGEST = 1 << 14


def _quoted(word: bytes) -> str:
    return '"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n'


def main() -> None:
    """Fuzz for as many seconds as the command line says."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    detector = Detector(packaged())
    with tempfile.TemporaryDirectory(prefix="keywatch-fuzz-") as name:
        corpus, dictionary = Path(name, "corpus"), Path(name, "words")
        corpus.mkdir()
        for number, seed in enumerate(seeds()):
            (corpus / f"{number:05d}").write_bytes(seed)
        dictionary.write_text("".join(map(_quoted, words())))
        options = (f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=4096")
        atheris.Setup([sys.argv[0], *options, f"-dict={dictionary}", str(corpus)], lambda data: check(detector, data))
        atheris.Fuzz()


if __name__ == "__main__":
    main()
