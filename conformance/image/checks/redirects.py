# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Redirects: registries keep their layers elsewhere, and elsewhere must learn nothing (distribution-spec; RFC 9110, 15.4)."""

import base64

from images.picture import digest, large, simple
from images.server import Reply, once, ranged
from suite.expect import equal, that
from suite.registry import check

ALICE = f"Basic {base64.b64encode(b'alice:secret').decode()}"


def behind_a_password(server):
    """The server answers nobody but alice."""
    server.rule(lambda request: None if request.headers.get("authorization") == ALICE else
                Reply(401, b"", {"WWW-Authenticate": 'Basic realm="x"'}), "/v2/")


def to(place, status=307):
    """A redirect."""
    return Reply(status, b"", {"Location": place})


@check
def to_another_host_without_credentials(case):
    """Authorization is not told to the host that a redirect leads to (CVE-2020-15157 in kind)."""
    server, storage = case.server(), case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda _: to(f"http://{storage.address}/bucket/layer?signature=x"), f"/blobs/{digest(layer)}")
    # Behind the redirect: the newest rule is asked first.
    behind_a_password(server)
    storage.rule(lambda request: ranged(request, layer), "/bucket/layer")
    case.gets(server, "app:1", {"large": content}, case.setting(server, storage, credentials="alice:secret"))
    asked = storage.asked("/bucket/layer")
    that(asked, "the storage was not asked")
    that(all("authorization" not in request.headers for request in asked), "the storage was told the password")
    equal({request.path for request in asked}, {"/bucket/layer?signature=x"}, "what the storage was asked for")


@check
def on_the_same_host_with_credentials(case):
    """On the same server a redirect keeps Authorization; a relative Location is one."""
    server = case.server()
    picture = simple()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda request: ranged(request, layer), "/v2/elsewhere")
    server.rule(lambda _: to("/v2/elsewhere"), f"/blobs/{digest(layer)}")
    behind_a_password(server)
    case.gets(server, "app:1", {"hello": "hello"}, case.setting(server, credentials="alice:secret"))


@check
def a_range_survives(case):
    """A layer that is resumed goes through the redirect anew, since such addresses expire."""
    server, storage = case.server(), case.server()
    picture, content = large()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda _: to(f"http://{storage.address}/layer/{len(server.requests)}"), f"/blobs/{digest(layer)}")
    storage.rule(lambda request: ranged(request, layer), "/layer/")
    storage.rule(once(lambda request: ranged(request, layer, cut=2_000_000)), "/layer/")
    case.gets(server, "app:1", {"large": content}, case.setting(server, storage))
    paths = [request.path for request in storage.asked("/layer/")]
    that(len(set(paths)) == 2, f"the storage was asked for {paths}")


@check
def in_a_circle(case):
    """A circle of redirects ends."""
    server = case.server()
    picture = simple()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    server.rule(lambda request: to(request.path), f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1", "redirect")
    that(len(server.asked("/blobs/")) < 200, f"asked {len(server.asked('/blobs/'))} times")


@check
def to_a_file(case):
    """A redirect to another kind of URL is not followed."""
    server = case.server()
    picture = simple()
    layer = picture.layers[0]
    path = case.file("layer", "")
    with open(path, "wb") as file:
        file.write(layer)
    server.add("app", "1", picture)
    server.rule(lambda _: to(f"file://{path}"), f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1")


@check
def without_a_place(case):
    """A redirect without Location is an error."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    server.rule(lambda _: Reply(307), f"/blobs/{digest(picture.layers[0])}")
    case.refuses(server, "app:1")
