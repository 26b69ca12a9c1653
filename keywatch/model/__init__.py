"""
The nouns of keywatch: frozen, typed records without I/O.

Everything stands on this package and it stands on nothing but the standard library.
Import a noun from the module that is named for it: `from keywatch.model.key import Key`.
"""
