# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What a user types, and what comes of it when it is wrong."""

from images.picture import simple
from suite.expect import contains, equal, that
from suite.registry import check


@check
def a_tag_that_is_not_there(case):
    """The error names the image and that it is unknown."""
    server = case.server()
    server.add("app", "1", simple())
    outcome = case.refuses(server, "app:2", "unknown", "not found", "not here")
    contains(outcome.text, "app:2")
    equal(len(server.asked("/manifests/2")), 1, "requests for it")


@check
def a_repository_that_is_not_there(case):
    """The same for a repository."""
    outcome = case.refuses(case.server(), "ap:1", "unknown", "not found", "not here")
    contains(outcome.text, "ap:1")


@check
def names_that_are_none(case):
    """A malformed name is refused before anybody is asked."""
    server = case.server()
    server.add("app", "1", simple())
    for name in ("App:1", "app:", "app:-", "app@sha256:12", "a//b", "../app", "app:" + "x" * 129, "a" * 300, "app:1@"):
        case.refuses(server, name)
    equal(server.requests, [], "requests")


@check
def a_host_that_is_none(case):
    """The error names the host."""
    class Nowhere:
        address = "nowhere.invalid"

    outcome = case.refuses(Nowhere, "app:1", setting=case.setting())
    contains(outcome.text, "nowhere.invalid")


@check
def nobody_listens(case):
    """A refused connection is told as such, soon."""
    server = case.server()
    server.close()
    case.open.remove(server)
    outcome = case.refuses(server, "app:1", "refused")
    contains(outcome.text, server.address)


@check
def the_message_is_short(case):
    """A failure is told in few lines."""
    outcome = case.refuses(case.server(), "app:1")
    that(outcome.text.count("\n") < 4, f"{outcome.text.count(chr(10)) + 1} lines: {outcome.text}")
