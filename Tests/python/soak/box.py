# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What a container of the soak is, and what is known of it."""

import dataclasses

from engine import cri


@dataclasses.dataclass
class Box:
    name: str
    kind: str
    id: str = ""
    # created, running (it may have ended by itself) or ended
    state: str = "created"
    # The exit codes that are right.
    codes: tuple = (137,)
    lines: list = None


def limits(**values):
    return cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(**values))


def short(box, chance):
    """Writes to both streams and ends by itself."""
    code = chance.randrange(100)
    box.codes, box.lines = (code,), [("stdout", "F", "one"), ("stderr", "F", "two")]
    # The second comes later: one stream does not wait for the other.
    return {"command": ["sh", "-c", f"echo one; sleep 0.2; echo two >&2; exit {code}"]}


def sleeper(box, chance):
    """Heeds no signal but SIGKILL, as a first process without a handler does."""
    return {"command": ["sleep", "1000000"]}


def obedient(box, chance):
    """Ends with 7 when it is told to, if it got so far."""
    box.codes = (7, 137)
    return {"command": ["sh", "-c", "trap 'exit 7' TERM; echo ready; sleep 1000000 & wait"]}


def web(box, chance):
    box.codes = (137, 0, 143)
    return {"command": []}


def hungry(box, chance):
    """Meets its limit of memory."""
    box.codes = (137,)
    return {"command": ["sh", "-c", "x=a; while true; do x=$x$x; done"],
            "linux": limits(memory_limit_in_bytes=24 << 20, memory_swap_limit_in_bytes=24 << 20)}


def terminal(box, chance):
    code = chance.randrange(100)
    box.codes, box.lines = (code,), [("stdout", "F", "on a terminal")]
    return {"command": ["sh", "-c", f"test -c /dev/console && echo on a terminal; exit {code}"], "tty": True}


def listener(box, chance):
    """Repeats what is said to it."""
    return {"command": ["cat"], "stdin": True}


KINDS = {kind.__name__: kind for kind in (short, sleeper, obedient, web, hungry, terminal, listener)}
# What ends by itself.
BRIEF = ("short", "hungry", "terminal")
# What runs until it is stopped.
LASTING = ("sleeper", "obedient", "web", "listener")
