# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Which checks there are: every function under `@check`, in the modules of the package `checks`."""

import importlib
import pkgutil


class Check:
    """One check: `name` is MODULE.FUNCTION, `claim` the sentence that it proves, with its section of the specification."""

    def __init__(self, function, alone):
        self.name = f"{function.__module__.rsplit('.', 1)[-1]}.{function.__name__}"
        self.claim = " ".join((function.__doc__ or "").split())
        self.function = function
        self.alone = alone


_found = []


def check(function=None, *, alone=False):
    """Declares a check. One that is `alone` runs when no other does."""

    def declare(function):
        if not function.__doc__:
            raise SystemExit(f"{function.__module__}.{function.__name__}: says nothing about what it proves")
        _found.append(Check(function, alone))
        return function

    return declare(function) if function else declare


def all_checks():
    """Every check, in the order of modules and of lines."""
    import checks

    for module in sorted(module.name for module in pkgutil.iter_modules(checks.__path__)):
        importlib.import_module(f"checks.{module}")
    return list(_found)
