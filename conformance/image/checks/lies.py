# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Registries that deliver something else than they say: nothing of it may become an image."""

import json

from images.picture import DOCKER, OCI, Picture, descriptor, digest, entry, index, large, simple, tar
from images.server import Reply, ranged
from suite.registry import check


@check
def another_manifest_for_a_digest(case):
    """The bytes of a manifest are checked against the digest they were asked by (distribution-spec, Pulling manifests)."""
    server = case.server()
    wanted = server.add("app", "1", simple("one"))
    other = simple("two")
    server.add("app", "2", other)
    server.rule(lambda _: Reply(200, other.manifest, {"Content-Type": other.media_type, "Docker-Content-Digest": wanted}),
                f"/manifests/{wanted}")
    case.refuses(server, f"app@{wanted}", "digest")


@check
def another_layer_of_the_same_length(case):
    """The bytes of a layer are checked against its digest."""
    server = case.server()
    picture = simple()
    layer = picture.layers[0]
    server.add("app", "1", picture)
    spoilt = layer[:-9] + bytes([layer[-9] ^ 1]) + layer[-8:]
    server.rule(lambda request: ranged(request, spoilt), f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1")


@check
def another_configuration(case):
    """The bytes of the configuration are checked against its digest."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    spoilt = picture.config.replace(b"linux", b"LINUX")
    server.rule(lambda request: ranged(request, spoilt), f"/blobs/{digest(picture.config)}")
    case.refuses(server, "app:1", "digest")


@check
def a_longer_layer(case):
    """A layer that is longer than its descriptor says is refused."""
    server = case.server()
    picture, _ = large()
    server.add("app", "1", picture)
    layer = picture.layers[0]
    server.rule(lambda request: ranged(request, layer + b"more"), f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1")


@check
def a_layer_without_end(case):
    """A body without a length is not read for ever: a descriptor's size is the most that is taken."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    layer = picture.layers[0]
    server.rule(lambda _: Reply(200, layer + b"\0" * (64 << 20), {"Content-Length": None, "Connection": "close"}, cut=1 << 62),
                f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1")


@check
def a_shorter_layer(case):
    """A layer that is shorter than its descriptor says is refused, though its own length is consistent."""
    server = case.server()
    picture, _ = large()
    server.add("app", "1", picture)
    layer = picture.layers[0]
    server.rule(lambda request: ranged(request, layer[:-100]) if request.start < len(layer) - 100 else Reply(416),
                f"/blobs/{digest(layer)}")
    case.refuses(server, "app:1")


@check
def an_index_served_as_a_manifest(case):
    """Content-Type and the document's own mediaType must agree (CVE-2021-41190)."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    server.add_manifest("app", "2", f"{OCI}index.v1+json", picture.manifest)
    case.refuses(server, "app:2")


@check
def a_document_that_is_both(case):
    """A document with both `layers` and `manifests` is neither (CVE-2021-41190)."""
    server = case.server()
    picture = simple()
    server.add("app", "1", picture)
    both = json.dumps({**picture.document, "manifests": [picture.entry]}).encode()
    server.add_manifest("app", "2", picture.media_type, both)
    case.refuses(server, "app:2")


@check
def schema_1_by_name(case):
    """A manifest of Docker's schema 1 is refused, and called so."""
    server = case.server()
    text = json.dumps({"schemaVersion": 1, "name": "app", "tag": "1", "architecture": "amd64", "fsLayers": [], "history": []})
    server.add_manifest("app", "1", f"{DOCKER}distribution.manifest.v1+json", text.encode())
    case.refuses(server, "app:1", "schema 1", "schema1", "v1")


@check
def a_manifest_that_is_cut(case):
    """Half a document is an error, not an image."""
    server = case.server()
    picture = simple()
    server.add_manifest("app", "1", picture.media_type, picture.manifest[:100], picture.blobs)
    case.refuses(server, "app:1")


@check
def a_huge_manifest(case):
    """Documents beyond 4 MiB are not read to their end (CVE-2020-1702)."""
    server = case.server()
    picture = simple()
    server.add_manifest("app", "1", picture.media_type, picture.manifest + b" " * (64 << 20), picture.blobs)
    case.refuses(server, "app:1")


@check
def huge_headers(case):
    """A header of a megabyte is an error."""
    server = case.server()
    server.add("app", "1", simple())
    server.rule(lambda _: Reply(200, b"{}", {"X-Padding": "x" * (1 << 20)}), "/manifests/")
    case.refuses(server, "app:1")


@check
def deep_json(case):
    """A document of a hundred thousand brackets is an error, not a crash."""
    server = case.server()
    picture = simple()
    server.add_manifest("app", "1", picture.media_type, b'{"schemaVersion":2,"x":' + b"[" * 100_000)
    case.refuses(server, "app:1")


@check
def fewer_diff_ids_than_layers(case):
    """The configuration must name the plain digest of every layer (image-spec, config.md)."""
    server = case.server()
    picture = Picture(tar(entry("a")), tar(entry("b")))
    document = json.loads(picture.config)
    document["rootfs"]["diff_ids"].pop()
    config = json.dumps(document).encode()
    picture.document["config"].update(digest=digest(config), size=len(config))
    picture.blobs[digest(config)] = config
    server.add("app", "1", picture)
    case.refuses(server, "app:1")


@check
def another_diff_id(case):
    """What a layer unpacks to is checked against its diff_id (image-spec, config.md, Layer DiffID)."""
    server = case.server()
    picture = simple()
    document = json.loads(picture.config)
    document["rootfs"]["diff_ids"] = [digest(b"something else")]
    config = json.dumps(document).encode()
    picture.document["config"].update(digest=digest(config), size=len(config))
    picture.blobs[digest(config)] = config
    server.add("app", "1", picture)
    case.refuses(server, "app:1")


@check
def digests_that_are_paths(case):
    """A digest is hex: it can be no path (CVE-2024-3727 in kind)."""
    server = case.server()
    for number, bad in enumerate(["sha256:../../../../etc/passwd", "sha256:" + "A" * 64, "md5:" + "a" * 32, "", "sha256"]):
        picture = simple()
        picture.document["layers"][0]["digest"] = bad
        server.add("app", str(number), picture)
        case.refuses(server, f"app:{number}")


@check
def a_negative_size(case):
    """A size is no negative number."""
    server = case.server()
    picture = simple()
    picture.document["layers"][0]["size"] = -1
    server.add("app", "1", picture)
    case.refuses(server, "app:1")


@check
def an_index_that_leads_to_itself(case):
    """Indexes that are nested without end are refused."""
    server = case.server()
    kind, data = index(simple().entry)
    for _ in range(40):
        kind, data = index({**descriptor(kind, data), "platform": {"os": "linux", "architecture": "amd64"}})
        server.add_manifest("app", "1", kind, data)
    case.refuses(server, "app:1")
