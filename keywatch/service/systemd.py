"""
Telling systemd how we are: one datagram a message.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

import os
import socket


def notify(*assignments: str) -> bool:
    """
    Send `READY=1`, `WATCHDOG=1`, `STOPPING=1` or `STATUS=…` to the service manager.

    Returns:
        Whether there is one that took it. Without systemd this does nothing.
    """
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]  # an abstract socket
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
            connection.sendto("\n".join(assignments).encode(), address)
    except OSError:
        return False  # the manager went away: not our trouble, and nobody is there to be told
    return True
