# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Tokens as registries in the field hand them out (distribution, spec/auth/token.md; RFC 9110, 11)."""

import json

from images.picture import Picture, digest, entry, large, simple, tar
from images.server import Reply, ranged
from suite.expect import equal, that
from suite.registry import check


class Gate:
    """A server that wants a token, and its token server in one. `valid` are the tokens that count now."""

    def __init__(self, server, answer=None, challenge=None):
        self.server, self.valid, self.given = server, set(), 0
        self.answer = answer or (lambda token: {"token": token})
        self.challenge = challenge or f'Bearer realm="http://{server.address}/token",service="here"'
        server.rule(self.token, "^/token")
        server.rule(self.guard, "^/v2/")

    def token(self, _):
        """A new token."""
        self.given += 1
        token = f"token{self.given}"
        self.valid.add(token)
        return Reply(200, json.dumps(self.answer(token)).encode())

    def guard(self, request):
        """Nothing without one."""
        word, _, token = request.headers.get("authorization", "").partition(" ")
        if word == "Bearer" and token in self.valid:
            return None
        return Reply(401, b"{}", {"WWW-Authenticate": self.challenge})


@check
def for_anybody(case):
    """Without credentials a token is asked for all the same, and once for the whole image."""
    server = case.server()
    picture = Picture(*(tar(entry(f"file{number}", b"x")) for number in range(4)))
    server.add("app", "1", picture)
    gate = Gate(server)
    case.gets(server, "app:1", {f"file{number}": "x" for number in range(4)})
    that(gate.given <= 2, f"{gate.given} tokens were asked for")


@check
def called_access_token(case):
    """OAuth 2's name for it, without times (RFC 6749, 5.1)."""
    server = case.server()
    server.add("app", "1", simple())
    Gate(server, lambda token: {"access_token": token})
    case.gets(server, "app:1", {"hello": "hello"})


@check
def among_other_challenges(case):
    """Several challenges in one header, with schemes that nobody knows and commas in quotes (RFC 9110, 11.6.1)."""
    server = case.server()
    server.add("app", "1", simple())
    realm = f"http://{server.address}/token"
    Gate(server, challenge=f'Newer a="b, c", Bearer realm="{realm}",service="a \\"quoted\\", one"')
    case.gets(server, "app:1", {"hello": "hello"})


@check
def expired_between_layers(case):
    """A token that has run out is replaced, and the image goes on."""
    server = case.server()
    picture = Picture(*(tar(entry(f"file{number}", b"x" * number)) for number in range(5)))
    server.add("app", "1", picture)
    gate = Gate(server, lambda token: {"token": token, "expires_in": 3600})
    used = []

    def expire(request):
        used.append(request.path)
        if len(used) == 3:
            gate.valid.clear()
            return Reply(401, b"{}", {"WWW-Authenticate": f'{gate.challenge},error="invalid_token"'})
        return None

    server.rule(expire, "/blobs/")
    case.gets(server, "app:1", {f"file{number}": "x" * number for number in range(5)})


@check
def expired_within_a_layer(case):
    """A token that has run out when a layer is resumed is replaced, and the layer goes on."""
    server = case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    gate = Gate(server)
    count = iter(range(1000))

    def cut(request):
        if gate.guard(request) is None and next(count) == 0:
            gate.valid.clear()
            return ranged(request, layer, cut=2_000_000)
        return None

    server.rule(cut, f"/blobs/{digest(layer)}")
    case.gets(server, "app:1", {"large": content})
    starts = [request.start for request in server.asked(f"/blobs/{digest(layer)}") if gate.guard(request) is None]
    that(starts and starts[-1] > 0, f"the last good range begins at {starts}")


@check
def that_is_never_good(case):
    """A registry that refuses every token is given up."""
    server = case.server()
    server.add("app", "1", simple())
    gate = Gate(server)
    server.rule(lambda _: Reply(401, b"{}", {"WWW-Authenticate": gate.challenge}), "^/v2/")
    case.refuses(server, "app:1", "unauthorized", "authentication")
    that(gate.given < 20, f"{gate.given} tokens were asked for")


@check
def password_for_the_token_server_only(case):
    """The password goes to the token server, the registry gets the token."""
    server = case.server()
    server.add("app", "1", simple())
    Gate(server)
    case.gets(server, "app:1", {"hello": "hello"}, case.setting(server, credentials="alice:secret"))
    words = {request.path.split("?")[0]: request.headers.get("authorization", "").split(" ")[0] for request in server.requests}
    equal(words["/token"], "Basic", "at the token server")
    that("Basic" not in [word for path, word in words.items() if path.startswith("/v2/")], f"{words}")


@check
def a_token_server_that_talks_nonsense(case):
    """An answer that is no token is an error."""
    for number, body in enumerate([b"<html>", b"{}", b'{"token": ""}', b'{"token": 7}', b" " * (8 << 20)]):
        server = case.server()
        server.add("app", "1", simple())
        gate = Gate(server)
        server.rule(lambda _, body=body: Reply(200, body), "^/token")
        case.refuses(server, "app:1")
        equal(gate.valid, set(), f"round {number}")


@check
def with_line_breaks(case):
    """A token cannot smuggle a header (RFC 9112, 11.1)."""
    server = case.server()
    server.add("app", "1", simple())
    Gate(server, lambda token: {"token": f"{token}\r\nX-Smuggled: yes"})
    case.refuses(server, "app:1")
    that(all("x-smuggled" not in request.headers for request in server.requests), "a header was smuggled")
