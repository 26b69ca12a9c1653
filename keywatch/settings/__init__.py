"""
What a person configures: one TOML file, strictly read.

`keywatch.settings.load.load` finds and reads the file; `keywatch.settings.schema` says what may stand in it.
"""
