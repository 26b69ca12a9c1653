"""Reports: what a scan came to, in the formats people and programs read; and what the inventory says today."""
