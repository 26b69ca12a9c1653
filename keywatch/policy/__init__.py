"""
Amazon's policies as data: what a company owes, what of it keywatch watches, and what a person has to confirm.

Pure. Each obligation is an entry of a TOML file in this directory, in our own words; a company's own files may change
them or add to them. One mechanism (`assess.py`) evaluates all.
"""

from keywatch.policy.assess import Assessment, State, Word, assess
from keywatch.policy.book import Book, packaged, read
from keywatch.policy.obligation import Attestation, Duty, Obligation

__all__ = ["Assessment", "Attestation", "Book", "Duty", "Obligation", "State", "Word", "assess", "packaged", "read"]
