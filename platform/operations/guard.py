"""Outlives the supervisor by a moment, to leave nothing running: `python guard.py`, with the supervisor on its standard input.

The supervisor writes "+ 123" when a child that leads process group 123 has started and "- 123" when it has been seen to its
end. When the supervisor dies, however it dies, the pipe ends, and every group that is left is asked to stop, then made to.
Standard library only, so that it starts at once and stays small.
"""

import os
import signal
import sys
import time

GRACE_SECONDS = 4.0


def signal_group(group: int, number: int) -> bool:
    """Whether somebody was there to get the signal."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # macOS says so of a group whose processes have all ended
        return False
    return True


def main() -> None:
    # What stops the supervisor by Ctrl-C or a closed terminal must not stop what tidies up after it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        sign, group = line.split()
        if sign == "+":
            groups.add(int(group))
        else:
            groups.discard(int(group))
    alive = {group for group in groups if signal_group(group, signal.SIGTERM)}
    deadline = time.monotonic() + GRACE_SECONDS
    while alive and time.monotonic() < deadline:
        time.sleep(0.1)
        alive = {group for group in alive if signal_group(group, 0)}
    for group in alive:
        signal_group(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
