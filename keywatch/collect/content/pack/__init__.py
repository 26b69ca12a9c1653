"""
Git's packs, read directly: what one version of a file has that the version it is stored against has not.

Git itself hands out whole blobs only, and a history repeats nearly all of each file in each of its versions. The deltas
in a pack tell what is new. Nothing here writes, follows a link out of what it was given, or trusts a length it reads.
Whatever is not as it should be raises `Damaged`: git is asked for the blob then. https://git-scm.com/docs/gitformat-pack
"""


class Damaged(Exception):
    """A pack, or an object in it, is not as the format says, or beyond a bound."""
