"""The native kernel was built when keywatch was installed for its tests."""

from keywatch.native import library, lots, state


def test_the_kernel_is_in_use_here() -> None:
    """A build that fails is no error, as keywatch works without; here it is one. `make native` says what went wrong."""
    assert library() is not None, state()


def test_it_has_what_inflates_packs() -> None:
    """It lies inside a package of another purpose, which may be built otherwise some day: then Python reads packs."""
    assert lots.are_read()
