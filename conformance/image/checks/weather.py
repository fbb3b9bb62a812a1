# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Bad networks and registries in trouble: what may be mended by patience is, and nothing hangs."""

import json
import time

from images.picture import digest, large, simple
from images.server import Reply, once, ranged
from suite.expect import equal, that
from suite.registry import check


@check
def a_broken_connection_is_resumed(case):
    """A layer goes on by Range where its connection broke (RFC 9110, 14)."""
    server = case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(once(lambda request: ranged(request, layer, cut=2_000_000)), f"/blobs/{digest(layer)}")
    case.gets(server, "app:1", {"large": content})
    starts = [request.start for request in server.asked(f"/blobs/{digest(layer)}")]
    that(len(starts) == 2 and starts[1] > 0, f"the ranges begin at {starts}")


@check
def many_broken_connections(case):
    """As long as it goes on, a layer comes through."""
    server = case.server()
    picture, content = large(9_000_000)
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda request: ranged(request, layer, cut=1_200_000) if len(layer) - request.start > 1_200_000 else None,
                f"/blobs/{digest(layer)}")
    case.gets(server, "app:1", {"large": content})


@check
def a_server_without_ranges(case):
    """A server that answers a Range with the whole (200) is taken as such (RFC 9110, 14.2)."""
    server = case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    count = iter(range(1000))
    server.rule(lambda _: Reply(200, layer, cut=2_000_000 if next(count) == 0 else None), f"/blobs/{digest(layer)}")
    case.gets(server, "app:1", {"large": content})


@check
def a_wrong_range(case):
    """A part that begins elsewhere than asked does not spoil the image."""
    server = case.server()
    picture, _ = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)

    def answer(request):
        if request.start == 0:
            return ranged(request, layer, cut=2_000_000)
        return Reply(206, layer[10:], {"Content-Range": f"bytes 10-{len(layer) - 1}/{len(layer)}"})

    server.rule(answer, f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1")


@check
def too_many_requests(case):
    """429 is waited for as long as Retry-After says (RFC 6585, 4)."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    times = []

    def answer(_):
        times.append(time.monotonic())
        return Reply(429, b"", {"Retry-After": "2"}) if len(times) == 1 else None

    server.rule(answer, "/manifests/1", "GET")
    case.gets(server, "app:1", {"hello": "hello"})
    that(times[1] - times[0] > 1.9, f"it came back after {times[1] - times[0]:.1f} s")


@check
def too_many_requests_for_a_layer(case):
    """429 on a layer is waited for too."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    server.rule(once(Reply(429, b"", {"Retry-After": "1"})), f"/blobs/{digest(picture.layers[0])}")
    case.gets(server, "app:1", {"hello": "hello"})


@check
def a_server_that_recovers(case):
    """500, 502, 503 and 504 are tried again, for manifests and for layers."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    codes = iter([500, 502])
    more = iter([503, 504])
    server.rule(lambda _: next((Reply(code) for code in codes), None), "/manifests/1", "GET")
    server.rule(lambda _: next((Reply(code) for code in more), None), f"/blobs/{digest(picture.layers[0])}")
    case.gets(server, "app:1", {"hello": "hello"})


@check
def an_error_for_good(case):
    """What is refused for good is not asked for again, and the registry's words are told."""
    server = case.server()
    words = json.dumps({"errors": [{"code": "DENIED", "message": "the words of the registry"}]}).encode()
    server.rule(lambda _: Reply(403, words), "/manifests/")
    case.refuses(server, "app:1", "the words of the registry")
    equal(len(server.asked("/manifests/1")), 1, "requests")


@check
def silence_in_a_layer(case):
    """A registry that falls silent in the middle of a layer is left, and the layer goes on with another connection."""
    server = case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(once(lambda request: ranged(request, layer, stall=2_000_000)), f"/blobs/{digest(layer)}")
    outcome = case.get(server, "app:1", case.setting(server, stall=2), patience=25)
    that(outcome.good, str(outcome))
    case.holds(outcome, {"large": content})


@check
def silence_from_the_start(case):
    """A registry that never answers is an error in the end."""
    server = case.server()
    server.rule(lambda _: Reply(200, b"x", stall=0), "/manifests/")
    case.refuses(server, "app:1", setting=case.setting(server, stall=1), patience=55)


@check
def compressed_on_the_way(case):
    """A layer that the server compresses on the way, unasked, is not taken for what was asked."""
    import gzip

    server = case.server()
    picture = simple(how="none")
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda request: Reply(200, gzip.compress(layer), {"Content-Encoding": "gzip"})
                if "gzip" in request.headers.get("accept-encoding", "") else None, f"/blobs/{digest(layer)}")
    case.gets(server, "app:1", {"hello": "hello"})


@check
def ipv6(case):
    """A registry at an IPv6 address."""
    server = case.server("::1")
    server.add("app", "1", simple())
    case.gets(server, "app:1", {"hello": "hello"})


@check
def chunked(case):
    """A body without a stated length that ends with its connection (RFC 9112, 6.3)."""
    server = case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda request: Reply(200, layer, {"Content-Length": None, "Connection": "close"}, cut=len(layer))
                if request.start == 0 else None, f"/blobs/{digest(layer)}")
    case.gets(server, "app:1", {"large": content})
