# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Which image of an index is meant (image-spec, image-index.md)."""

from images.picture import descriptor, index, simple
from suite.expect import that
from suite.registry import check


def shelve(server, pictures, tag="1", **more):
    """Serves an index of images of platforms; the content of each is the name of its platform."""
    for picture in pictures:
        server.add("app", f"only-{id(picture)}", picture)
    server.add_manifest("app", tag, *index(*(picture.entry for picture in pictures), **more))


def of(*platforms, **more):
    """An image for each platform."""
    return [simple(platform, platform=platform, **more) for platform in platforms]


@check
def by_architecture(case):
    """The entry of the platform that is asked for."""
    server = case.server()
    shelve(server, of("linux/s390x", "linux/amd64", "linux/arm64", "windows/amd64"))
    case.gets(server, "app:1", {"hello": "linux/amd64"}, case.setting(server, platform="linux/amd64"))
    case.gets(server, "app:1", {"hello": "linux/arm64"}, case.setting(server, platform="linux/arm64"))


@check
def docker_manifest_list(case):
    """Docker's manifest list of Docker's manifests is the same."""
    server = case.server()
    shelve(server, of("linux/s390x", "linux/amd64", docker=True), docker=True)
    case.gets(server, "app:1", {"hello": "linux/amd64"}, case.setting(server, platform="linux/amd64"))


@check
def by_variant(case):
    """The best variant that the machine can run: arm v7 takes v7, or v6, never v8."""
    server = case.server()
    shelve(server, of("linux/arm/v8", "linux/arm/v5", "linux/arm/v6"))
    case.gets(server, "app:1", {"hello": "linux/arm/v6"}, case.setting(server, platform="linux/arm/v7"))


@check
def none_for_this_platform(case):
    """Without a fitting entry there is an error that names the platform."""
    server = case.server()
    shelve(server, of("linux/s390x", "windows/amd64"))
    case.refuses(server, "app:1", "amd64", setting=case.setting(server, platform="linux/amd64"))


@check
def attestations_are_no_images(case):
    """An entry for unknown/unknown, as build tools append it, is never chosen."""
    server = case.server()
    picture = simple("image")
    server.add("app", "image", picture)
    note = {**descriptor(picture.media_type, b"{}"), "platform": {"os": "unknown", "architecture": "unknown"},
            "annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    server.add_manifest("app", "1", *index(note, picture.entry))
    case.gets(server, "app:1", {"hello": "image"}, case.setting(server, platform="linux/amd64"))


@check
def unknown_entries_are_passed_over(case):
    """Entries of types that nobody knows yet are ignored (image-index.md, manifests)."""
    server = case.server()
    picture = simple("image")
    server.add("app", "image", picture)
    strange = {**descriptor("application/vnd.example.newer+json", b"{}"), "platform": picture.platform}
    server.add_manifest("app", "1", *index(strange, picture.entry))
    case.gets(server, "app:1", {"hello": "image"}, case.setting(server, platform="linux/amd64"))


@check
def by_digest_of_the_index(case):
    """An index that is named by digest is followed; its manifests are fetched by digest."""
    server = case.server()
    pictures = of("linux/amd64", "linux/arm64")
    shelve(server, pictures)
    _, data = index(*(picture.entry for picture in pictures))
    from images.picture import digest

    case.gets(server, f"app@{digest(data)}", {"hello": "linux/amd64"}, case.setting(server, platform="linux/amd64"))
    that(server.asked(f"/manifests/{pictures[0].entry['digest']}"), "the manifest was not asked for by digest")
