# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Known differences: files that say which checks a release of a runtime does not pass, and why that is its fault.

A file is named RUNTIME-VERSION. Each entry is `CHECK[@MODE]: REASON`, where CHECK may hold `*` and MODE is a mode of
cgroups; lines that begin with white space go on with the reason. `#` begins a comment.
"""

import fnmatch
import os
import re

FOLDER = os.path.join(os.path.dirname(os.path.dirname(__file__)), "differences")


def load(runtime, mode):
    """The entries for a runtime in a mode of cgroups: pairs of pattern and reason."""
    # Distributions append to versions: 1.1.5+ds1 is 1.1.5.
    version = re.match(r"[\w.]*", runtime.version)[0]
    path = os.path.join(FOLDER, f"{runtime.name}-{version}")
    if not os.path.exists(path):
        path = os.path.join(FOLDER, runtime.name)
    return parse(open(path, encoding="utf-8").read(), mode) if os.path.exists(path) else []


def parse(text, mode):
    """The entries of a file that hold in a mode of cgroups."""
    joined = re.sub(r"\n[ \t]+", " ", re.sub(r"(?m)^#.*\n", "", text))
    entries = []
    for line in filter(None, joined.splitlines()):
        pattern, reason = line.split(": ", 1)
        pattern, _, only = pattern.partition("@")
        if not only or only == mode:
            entries.append((pattern, reason))
    return entries


def reason(entries, name):
    """Why a check is not passed, or nothing."""
    return next((why for pattern, why in entries if fnmatch.fnmatchcase(name, pattern)), None)
