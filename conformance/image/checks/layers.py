# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""What layers become when they are put over each other (image-spec, layer.md)."""

import gzip
import os
import tarfile

from images.picture import DOCKER, OCI, Picture, entry, large, simple, tar
from suite.expect import equal, that
from suite.registry import check


def folder(name, mode=0o755, **more):
    """A folder's entry."""
    return entry(name, kind=tarfile.DIRTYPE, mode=mode, **more)


def gets(case, files, *layers, **more):
    """An image of these layers has these files."""
    server = case.server()
    server.add("app", "1", Picture(*(tar(*layer) for layer in layers), **more))
    return case.gets(server, "app:1", files)


@check
def plain_tar(case):
    """A layer without compression."""
    gets(case, {"a": "1"}, [entry("a", b"1")], how="none")


@check
def zstd(case):
    """A layer in zstd."""
    gets(case, {"a": "1"}, [entry("a", b"1")], how="zstd")


@check
def docker_types(case):
    """Docker's manifest and layers (distribution, manifest-v2-2.md)."""
    gets(case, {"a": "1"}, [entry("a", b"1")], docker=True)


@check
def the_bytes_tell_the_compression(case):
    """Registries lie about types: gzip that is called plain, and plain that is called gzip."""
    gets(case, {"a": "1"}, [entry("a", b"1")], how="gzip", layer_type=f"{OCI}layer.v1.tar")
    gets(case, {"a": "1"}, [entry("a", b"1")], how="none", layer_type=f"{OCI}layer.v1.tar+gzip")


@check
def several_members(case):
    """gzip of several members is one stream (RFC 1952, 2.2)."""
    server = case.server()
    picture, content = large(200_000)
    plain = gzip.decompress(picture.layers[0])
    parts = b"".join(gzip.compress(plain[at:at + 50_000]) for at in range(0, len(plain), 50_000))
    from images.picture import descriptor, digest

    picture.document["layers"][0] = descriptor(f"{OCI}layer.v1.tar+gzip", parts)
    picture.blobs[digest(parts)] = parts
    server.add("app", "1", picture)
    case.gets(server, "app:1", {"large": content})


@check
def whiteouts(case):
    """`.wh.NAME` takes NAME of lower layers away, wherever it stands among the entries (layer.md, Whiteouts)."""
    gets(case, {"gone": None, "stays": "1", "folder/gone": None, ".wh.gone": None, "again": "new"},
         [entry("gone"), entry("stays", b"1"), folder("folder"), entry("folder/gone"), entry("again", b"old")],
         [entry(".wh.gone"), entry("folder/.wh.gone"), entry("again", b"new"), entry(".wh.again")])


@check
def opaque_folders(case):
    """`.wh..wh..opq` hides all of lower layers in its folder, and nothing of its own (layer.md, Opaque Whiteout)."""
    gets(case, {"folder/old": None, "folder/new": "1", "other": "2"},
         [folder("folder"), entry("folder/old"), entry("other", b"2")],
         [folder("folder"), entry("folder/new", b"1"), entry("folder/.wh..wh..opq")])


@check
def a_file_in_place_of_a_folder(case):
    """Folders are replaced by files, files by folders, links by both."""
    gets(case, {"a": "file", "b/c": "inside", "d/e": "inside"},
         [folder("a"), entry("a/lost"), entry("b", b"file"), entry("d", kind=tarfile.SYMTYPE, link="b")],
         [entry("a", b"file"), folder("b"), entry("b/c", b"inside"), folder("d"), entry("d/e", b"inside")])


@check
def hard_links(case):
    """Names of one file are one file."""
    outcome = gets(case, {"a": "1", "b": "1"}, [entry("a", b"1"), entry("b", kind=tarfile.LNKTYPE, link="a")])
    equal(os.stat(f"{outcome.tree}/a").st_ino, os.stat(f"{outcome.tree}/b").st_ino, "inodes")


@check
def modes_owners_times(case):
    """Mode, numeric owner, and time of files and folders."""
    outcome = gets(case, {}, [folder("d", 0o1750, uid=7, gid=8), entry("d/f", b"1", mode=0o4711, uid=70_000, gid=80_000)])
    for name, mode, uid, gid in [("d", 0o1750, 7, 8), ("d/f", 0o4711, 70_000, 80_000)]:
        found = os.stat(f"{outcome.tree}/{name}")
        equal((found.st_mode & 0o7777, found.st_uid, found.st_gid, int(found.st_mtime)), (mode, uid, gid, 1_000_000_000), name)


@check
def long_names(case):
    """Names beyond what a plain header holds, and such as are no UTF-8."""
    long = "/".join(["x" * 100] * 5)
    gets(case, {long: "1"}, [entry(long, b"1")])


def outside(case, entries):
    """Nothing appears outside of the tree, whether the tool refuses the image or not."""
    server = case.server()
    mark = f"{case.folder}/mark"
    os.mkdir(mark)
    server.add("app", "1", Picture(tar(*entries(mark))))
    case.get(server, "app:1")
    equal(os.listdir(mark), [], "outside of the tree")


@check
def names_that_climb(case):
    """`..` leads nowhere (CVE-2019-14271 in kind)."""
    outside(case, lambda mark: [entry("../" * 30 + mark[1:] + "/file", b"1")])


@check
def links_that_lead_out(case):
    """A symbolic link of the image is followed within the image only (CVE-2018-15664 in kind)."""
    outside(case, lambda mark: [entry("link", kind=tarfile.SYMTYPE, link=mark), entry("link/file", b"1")])
    mark = "../" * 30
    outside_again = case.server()
    outside_again.add("app", "1", Picture(tar(
        entry("link", kind=tarfile.SYMTYPE, link=f"{mark}{case.folder[1:]}/mark"), entry("link/file", b"1"))))
    case.get(outside_again, "app:1")
    equal(os.listdir(f"{case.folder}/mark"), [], "outside of the tree")


@check
def hard_links_that_lead_out(case):
    """A hard link to a file of the machine is not made."""
    server = case.server()
    path = case.file("secret", "secret")
    server.add("app", "1", Picture(tar(entry("link", kind=tarfile.LNKTYPE, link=path))))
    case.get(server, "app:1")
    equal(os.stat(path).st_nlink, 1, "names of the file")


@check
def a_cut_layer(case):
    """An archive that ends in the middle of a file is an error."""
    server = case.server()
    whole = tar(entry("a", b"x" * 10_000))
    picture = Picture(whole[:5_000])
    server.add("app", "1", picture)
    case.refuses(server, "app:1")


@check
def an_unknown_layer_type(case):
    """A layer of an unknown type is refused (manifest.md, layers)."""
    server = case.server()
    server.add("app", "1", Picture(tar(entry("a")), layer_type="application/vnd.example.strange"))
    case.refuses(server, "app:1")


@check
def foreign_layers(case):
    """A layer that its registry does not have, by its type, is fetched elsewhere or refused, and never silently left out."""
    server = case.server()
    picture = Picture(tar(entry("a", b"1")), docker=True, layer_type=f"{DOCKER}image.rootfs.foreign.diff.tar.gzip")
    layer = picture.document["layers"][0]
    layer["urls"] = [f"http://{server.address}/nowhere"]
    del picture.blobs[layer["digest"]]
    server.add("app", "1", picture)
    case.refuses(server, "app:1")
    that(not [request for request in server.asked("/nowhere") if "authorization" in request.headers], "told the password")


@check
def the_same_layer_twice(case):
    """A layer may stand in an image more than once."""
    one, two = [entry("a", b"1")], [entry("a", b"2")]
    gets(case, {"a": "1"}, one, two, one)


@check
def no_layers(case):
    """An image may have none."""
    server = case.server()
    server.add("app", "1", Picture())
    outcome = case.get(server, "app:1")
    that(outcome.good, str(outcome))


@check
def one_entry_of_zero_bytes(case):
    """A layer that is an empty archive."""
    gets(case, {"a": "1"}, [entry("a", b"1")], [])
    server = case.server()
    server.add("app", "1", simple("x"))
    case.gets(server, "app:1", {"hello": "x"})
