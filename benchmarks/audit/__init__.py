"""How fast an audit log becomes evidence, beside Python's json module on the same file."""
