# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Security contexts, mounts and devices as the container sees them."""

import os

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import contains, equal, that
from suite.registry import check

Code = grpc.StatusCode
NUMBER = cri.Int64Value


def secure(**fields):
    return cri.LinuxContainerConfig(security_context=cri.LinuxContainerSecurityContext(**fields))


def process(case, container):
    lines = case.output(container, "cat /proc/self/status").splitlines()
    return {name: value.strip() for name, value in (line.split(":", 1) for line in lines)}


@check
def user_by_number(case):
    """run_as_user and run_as_group choose the identity, and ContainerStatus tells it."""
    container = case.run(case.pod(), linux=secure(run_as_user=NUMBER(value=1000), run_as_group=NUMBER(value=4000)))
    status = process(case, container)
    equal((status["Uid"].split()[0], status["Gid"].split()[0]), ("1000", "4000"))
    user = case.status(container).user.linux
    equal((user.uid, user.gid), (1000, 4000))


@check
def user_by_name(case):
    """run_as_username is looked up in the image."""
    container = case.run(case.pod(), linux=secure(run_as_username="web"))
    equal(process(case, container)["Uid"].split()[0], "1000")


@check
def a_group_needs_a_user(case):
    """run_as_group without a user is refused (api.proto, LinuxContainerSecurityContext)."""
    pod = case.pod()
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN), lambda: case.create(pod, linux=secure(run_as_group=NUMBER(value=5))))


@check
def groups_are_merged(case):
    """With the policy Merge the image's groups of the user count too (SupplementalGroupsPolicy)."""
    container = case.run(
        case.pod(), linux=secure(run_as_user=NUMBER(value=1000), supplemental_groups=[3000]))
    equal(set(process(case, container)["Groups"].split()), {"1000", "2000", "3000"})


@check
def groups_are_strict(case):
    """With the policy Strict only the request's groups count (SupplementalGroupsPolicy)."""
    container = case.run(case.pod(), linux=secure(
        run_as_user=NUMBER(value=1000), supplemental_groups=[3000], supplemental_groups_policy=cri.Strict))
    equal(set(process(case, container)["Groups"].split()) - {"1000"}, {"3000"})


@check
def capabilities(case):
    """Capabilities are added and dropped; ALL means all (api.proto, Capability)."""
    pod = case.pod()
    drop = cri.Capability(drop_capabilities=["ALL"], add_capabilities=["NET_ADMIN"])
    container = case.run(pod, linux=secure(capabilities=drop))
    equal(int(process(case, container)["CapEff"], 16), 1 << 12)
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN), lambda: case.create(
        pod, name="bad", linux=secure(capabilities=cri.Capability(add_capabilities=["NO_SUCH"]))))


@check
def seccomp(case):
    """RuntimeDefault filters system calls, Unconfined does not (api.proto, SecurityProfile)."""
    pod = case.pod()
    for name, kind, mode in [("a", cri.SecurityProfile.RuntimeDefault, "2"), ("b", cri.SecurityProfile.Unconfined, "0")]:
        container = case.run(pod, name=name, linux=secure(seccomp=cri.SecurityProfile(profile_type=kind)))
        equal(process(case, container)["Seccomp"], mode)


@check
def seccomp_of_a_file(case):
    """Localhost uses the profile of a file; a file that is not there is refused."""
    pod, path = case.pod(), f"{case.folder}/profile.json"
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"],'
                   ' "action": "SCMP_ACT_ERRNO"}]}')

    def linux(reference):
        return secure(seccomp=cri.SecurityProfile(profile_type=cri.SecurityProfile.Localhost, localhost_ref=reference))

    container = case.run(pod, linux=linux(path))
    that(case.exec(container, "mkdir", "/tmp/x").exit_code != 0, "mkdir works")
    case.refused(tuple(c for c in Code if c != Code.OK), lambda: case.create(pod, name="bad", linux=linux(path + ".none")))


@check
def no_new_privileges(case):
    """no_new_privs reaches the process."""
    container = case.run(case.pod(), linux=secure(no_new_privs=True))
    equal(process(case, container)["NoNewPrivs"], "1")


@check
def a_readonly_root(case):
    """readonly_rootfs keeps the container from writing to its root."""
    container = case.run(case.pod(), linux=secure(readonly_rootfs=True))
    that(case.exec(container, "sh", "-c", "echo > /file").exit_code != 0, "it can be written")


@check
def masked_and_readonly_paths(case):
    """masked_paths are empty, readonly_paths cannot be written."""
    container = case.run(case.pod(), linux=secure(masked_paths=["/proc/meminfo"], readonly_paths=["/proc/sys"]))
    equal(case.output(container, "cat /proc/meminfo"), "")
    that(case.exec(container, "sh", "-c", "echo x > /proc/sys/kernel/domainname").exit_code != 0, "it can be written")


@check
def privileged(case):
    """A privileged container has devices and may mount; it needs a privileged pod (api.proto)."""
    context = cri.LinuxSandboxSecurityContext(privileged=True)
    pod = case.pod(linux=cri.LinuxPodSandboxConfig(security_context=context))
    container = case.run(pod, linux=secure(privileged=True))
    equal(case.exec(container, "mount", "-t", "tmpfs", "none", "/tmp").exit_code, 0)
    plain = case.pod("-plain")
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN), lambda: case.create(plain, linux=secure(privileged=True)))


@check
def mounts(case):
    """A folder of the node is mounted, read-only if asked for; one that is not there is made."""
    source = f"{case.folder}/data"
    os.mkdir(source)
    with open(f"{source}/file", "w", encoding="utf-8") as file:
        file.write("content")
    container = case.run(case.pod(), mounts=[
        cri.Mount(host_path=source, container_path="/ro", readonly=True),
        cri.Mount(host_path=source, container_path="/rw"),
        cri.Mount(host_path=f"{case.folder}/new", container_path="/new"),
    ])
    equal(case.output(container, "cat /ro/file; echo more > /rw/other; ls /new"), "content")
    that(case.exec(container, "sh", "-c", "echo > /ro/x").exit_code != 0, "/ro can be written")
    contains(os.listdir(source), "other")


@check
def recursively_readonly(case):
    """recursive_read_only needs readonly and private propagation; otherwise RROUnsupported (cri-api, pkg/errors)."""
    pod = case.pod()
    mount = cri.Mount(host_path=case.folder, container_path="/x", recursive_read_only=True)
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN), lambda: case.create(pod, mounts=[mount]), "RROUnsupported")


@check
def devices(case):
    """A device of the node is given with its permissions (api.proto, Device)."""
    # Not one of those that every container may use.
    device = cri.Device(host_path="/dev/loop-control", container_path="/dev/given", permissions="r")
    container = case.run(case.pod(), devices=[device])
    equal(case.exec(container, "sh", "-c", ": < /dev/given").exit_code, 0)
    that(case.exec(container, "sh", "-c", ": > /dev/given").exit_code != 0, "it can be written")


@check
def images_as_volumes(case):
    """An image is mounted read-only, or a folder of it (api.proto, Mount.image and image_sub_path)."""
    mount = cri.Mount(container_path="/v", image=cri.ImageSpec(image=case.image), image_sub_path="www", readonly=True)
    container = case.run(case.pod(), mounts=[mount])
    contains(case.output(container, "cat /v/index.html"), "Hello")
    that(case.exec(container, "sh", "-c", "echo > /v/x").exit_code != 0, "it can be written")
