"""Speed and precision, as ratios against peers in one run on one machine. `make bench-detection` prints a table."""
