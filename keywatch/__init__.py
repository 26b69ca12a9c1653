"""keywatch keeps a company inside Amazon's rules for developer keys."""

__version__ = "0.1.0"
