"""
Chunks into findings: detection, fingerprints, whose it is, and who committed it.

Start at `keywatch.scan.scanner.Scanner`. **Invariant:** a plaintext lives no longer than the examination of its chunk.
"""
