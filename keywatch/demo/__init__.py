"""Loopback stand-ins for the systems keywatch talks to, and a seeded world in them. The tests use the same ones."""
