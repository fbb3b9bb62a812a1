# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What a check says of what it saw."""


class Skip(Exception):
    """A fact of the machine, named, makes this check impossible here."""


def need(fact, reason):
    """Leaves the check unless `fact`."""
    if not fact:
        raise Skip(reason)


def that(fact, message):
    """The check fails with `message` unless `fact`."""
    if not fact:
        raise AssertionError(message)


def equal(actual, expected, what=""):
    """Both are the same."""
    that(actual == expected, f"{what + ': ' if what else ''}{actual!r}, expected {expected!r}")


def contains(text, part, what=""):
    """`part` is in `text`, a string or a collection."""
    that(part in text, f"{what + ': ' if what else ''}no {part!r} in {text!r}")


def lacks(text, part, what=""):
    """`part` is not in `text`."""
    that(part not in text, f"{what + ': ' if what else ''}{part!r} in {text!r}")
