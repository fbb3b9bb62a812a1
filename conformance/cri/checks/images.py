# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Images."""

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import contains, equal, that
from suite.registry import check

Code = grpc.StatusCode


@check
def status_of_an_image(case):
    """ImageStatus tells id, names, digests and size; of an unknown image it is empty and no error (api.proto)."""
    image = case.call("ImageStatus", image=cri.ImageSpec(image=case.image)).image
    contains(list(image.repo_tags), case.image)
    that(image.id and image.size > 0 and image.repo_digests, "id, size or digests are missing")
    that(not case.call("ImageStatus", image=cri.ImageSpec(image="not/here:1")).HasField("image"), "an unknown image")


@check
def the_id_is_a_name(case):
    """An image can be asked for by its id and by its digest."""
    image = case.call("ImageStatus", image=cri.ImageSpec(image=case.image)).image
    for name in [image.id, image.repo_digests[0]]:
        equal(case.call("ImageStatus", image=cri.ImageSpec(image=name)).image.id, image.id)


@check
def lists_are_filtered(case):
    """ListImages takes a name; an unknown one is an empty list."""
    def ids(name):
        request = cri.ImageFilter(image=cri.ImageSpec(image=name))
        return [i.id for i in case.call("ListImages", filter=request).images]

    equal(len(ids(case.image)), 1, "images of one name")
    equal(ids("not/here:1"), [])
    that(case.call("ListImages").images, "no images")


@check
def pulls_that_fail(case):
    """PullImage of what is not there fails; a bad reference is refused."""
    registry = case.image.split("/")[0]
    case.refused((Code.NOT_FOUND, Code.UNKNOWN), lambda: case.client.pull(f"{registry}/not-here:1"))
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN), lambda: case.client.pull("UPPER/case:?"))


@check(alone=True)
def removal(case):
    """RemoveImage removes an image with all its names, may be repeated, and the image can be pulled again."""
    for _ in range(2):
        case.call("RemoveImage", image=cri.ImageSpec(image=case.image))
    that(not case.call("ImageStatus", image=cri.ImageSpec(image=case.image)).HasField("image"), "it is still there")
    case.client.pull(case.image)


@check
def space(case):
    """ImageFsInfo tells where images are and what they use (api.proto, FilesystemUsage)."""
    system = case.call("ImageFsInfo").image_filesystems[0]
    that(system.fs_id.mountpoint and system.used_bytes.value > 0 and system.timestamp > 0, str(system))


@check
def containers_need_their_image(case):
    """CreateContainer does not pull (Kubernetes pulls)."""
    pod = case.pod()
    case.refused((Code.NOT_FOUND, Code.UNKNOWN), lambda: case.create(pod, image="not/here:1"), "not/here:1")
