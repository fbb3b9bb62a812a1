# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What a container gets from the machine: limits, hooks, CDI devices, images as volumes, a name for its user."""

import json
import pathlib

import grpc
import pytest
from engine import cri, eventually
from pushing import push_artifact

Code = grpc.StatusCode


@pytest.fixture(scope="module")
def machine(engine):
    """An engine with folders of hooks and devices of its own, and with limits and variables for all containers."""
    folders = {name: engine.folder / name for name in ["hooks", "cdi", "skiff.toml.d"]}
    for folder in folders.values():
        folder.mkdir()
    (folders["skiff.toml.d"] / "machine.toml").write_text(
        "[runtime]\n"
        f'hooks_dirs = ["{folders["hooks"]}"]\ncdi_spec_dirs = ["{folders["cdi"]}"]\n'
        'default_ulimits = ["nofile=2000:4000"]\ndefault_env = ["FROM_ENGINE=yes", "PATH=/wrong"]\n'
        f'absent_mount_sources_to_reject = ["{engine.folder}/must-be-there"]\n'
        '[runtime.handlers.skiffrun]\nallowed_annotations = ["allowed.example/"]\n'
    )
    engine.kill_daemon()
    engine.start_daemon()
    return engine


def spec(engine, container):
    request = cri.ContainerStatusRequest(container_id=container, verbose=True)
    return json.loads(engine.runtime.ContainerStatus(request, timeout=60).info["info"])["runtimeSpec"]


def secure(**fields):
    return cri.LinuxContainerConfig(security_context=cri.LinuxContainerSecurityContext(**fields))


def test_limits_and_variables(machine, pod):
    container = machine.shell(*pod, "c", "sleep 1000")
    assert machine.exec(container, "sh", "-c", "ulimit -n; ulimit -Hn").stdout == b"2000\n4000\n"
    answer = machine.exec(container, "sh", "-c", "echo $FROM_ENGINE $PATH")
    assert answer.stdout == b"yes /bin\n"


def test_annotations_that_the_handler_allows(machine, pod):
    annotations = {"allowed.example/one": "1", "other.example/two": "2", "run.oci.keep_original_groups": "1"}
    container = machine.create(*pod, "c", ["true"], annotations=annotations)
    told = spec(machine, container)["annotations"]
    assert told["allowed.example/one"] == "1"
    assert not {"other.example/two", "run.oci.keep_original_groups"} & set(told)


def test_hooks(machine, pod, refused):
    note = machine.folder / "hooked"
    program = machine.folder / "hook"
    program.write_text(f"#!/bin/sh\ncat > {note}\n")
    program.chmod(0o755)
    definition = {
        "version": "1.0.0", "hook": {"path": str(program)}, "when": {"annotations": {"^hook$": "^yes$"}},
        "stages": ["createRuntime"],
    }
    file = machine.folder / "hooks" / "note.json"
    file.write_text(json.dumps(definition))
    machine.create(*pod, "without", ["true"])
    assert not note.exists()
    container = machine.create(*pod, "with", ["true"], annotations={"hook": "yes"})
    assert json.loads(note.read_text())["id"] == container
    file.write_text("{}")
    with refused(Code.INVALID_ARGUMENT, "note.json"):
        machine.create(*pod, "broken", ["true"])
    file.unlink()


def test_devices_by_cdi(machine, pod, refused):
    given = machine.folder / "given.txt"
    given.write_text("from the vendor")
    (machine.folder / "cdi" / "vendor.yaml").write_text(
        "cdiVersion: 0.6.0\nkind: vendor.example/thing\n"
        "containerEdits:\n  env: [COMMON=1]\n"
        "devices:\n- name: one\n  containerEdits:\n    env: [THING=one]\n"
        "    deviceNodes:\n    - path: /dev/thing\n      hostPath: /dev/zero\n"
        f"    mounts:\n    - hostPath: {given}\n      containerPath: /vendor\n      options: [ro, rbind]\n"
    )
    name = "vendor.example/thing=one"
    for number, fields in enumerate(
        [{"CDI_devices": [cri.CDIDevice(name=name)]}, {"annotations": {"cdi.k8s.io/x": name}}]
    ):
        container = machine.shell(*pod, f"c{number}", "sleep 1000", **fields)
        answer = machine.exec(container, "sh", "-c", "echo $COMMON $THING; cat /vendor; head -c 3 /dev/thing | od -c")
        assert answer.stdout.startswith(b"1 one\nfrom the vendor0000000  \\0  \\0  \\0"), answer
    with refused(Code.INVALID_ARGUMENT, "vendor.example/thing=two"):
        machine.create(*pod, "none", ["true"], CDI_devices=[cri.CDIDevice(name="vendor.example/thing=two")])


def test_images_as_volumes(machine, pod, refused):
    image = cri.ImageSpec(image=machine.image)

    def volume(path, **fields):
        return cri.Mount(container_path=path, image=image, readonly=True, **fields)

    container = machine.shell(
        *pod, "c", "sleep 1000", mounts=[volume("/image"), volume("/pages", image_sub_path="www")]
    )
    read = machine.exec(container, "sh", "-c", "cat /pages/index.html; ls /image/bin/sh")
    assert read.stdout == b"<h1>Hello from a pod</h1>\n/image/bin/sh\n"
    assert machine.exec(container, "sh", "-c", "echo > /image/x").exit_code != 0
    assert machine.exec(container, "sh", "-c", "/image/bin/busybox true").exit_code == 126
    machine.kill_daemon()
    machine.start_daemon()
    assert machine.exec(container, "cat", "/pages/index.html").exit_code == 0
    machine.remove(container)
    for bad, words in [
        (volume("/x", image_sub_path="nowhere"), ["nowhere", "no such file"]),
        (volume("/x", image_sub_path="../etc"), ["../etc"]),
        (cri.Mount(container_path="/x", image=image), ["read-only"]),
    ]:
        with refused(Code.INVALID_ARGUMENT, "ImageVolumeMountFailed", *words):
            machine.create(*pod, "bad", ["true"], mounts=[bad])
    missing = cri.Mount(container_path="/x", image=cri.ImageSpec(image="not/here:1"), readonly=True)
    with refused(Code.NOT_FOUND, "ImageVolumeMountFailed", "not/here:1"):
        machine.create(*pod, "bad", ["true"], mounts=[missing])


def test_artifacts_as_volumes(machine, pod, refused):
    registry = machine.env["REGISTRY"]
    push_artifact(registry, "pages", {"index.html": b"home", "more/deep.html": b"deep"})
    image = cri.ImageSpec(image=f"{registry}/pages:1")
    reference = machine.images.PullImage(cri.PullImageRequest(image=image), timeout=60).image_ref
    assert reference in [image.id for image in machine.images.ListImages(cri.ListImagesRequest()).images]
    mounts = [cri.Mount(container_path="/pages", image=image, readonly=True)]
    mounts.append(cri.Mount(container_path="/deep", image=image, readonly=True, image_sub_path="more/deep.html"))
    container = machine.shell(*pod, "c", "sleep 1000", mounts=mounts)
    read = machine.exec(container, "sh", "-c", "cd /pages && find . -type f | sort && cat index.html /deep")
    assert read.stdout == b"./index.html\n./more/deep.html\nhomedeep"
    with refused(Code.INVALID_ARGUMENT, "an artifact of the type application/vnd.example.pages"):
        config = cri.ContainerConfig(metadata=cri.ContainerMetadata(name="artifact"), image=image, command=["true"])
        request = cri.CreateContainerRequest(pod_sandbox_id=pod[0], config=config, sandbox_config=pod[1])
        machine.runtime.CreateContainer(request, timeout=60)
    machine.remove(container)
    machine.images.RemoveImage(cri.RemoveImageRequest(image=image))


def test_a_user_without_a_name_gets_one(machine, pod):
    container = machine.shell(
        *pod, "c", "sleep 1000", linux=secure(run_as_user=cri.Int64Value(value=4711)), working_dir="/tmp"
    )
    lines = machine.exec(container, "cat", "/etc/passwd").stdout.decode().splitlines()
    assert lines[-1] == "4711:x:4711:0::/tmp:/sbin/nologin" and lines[0].startswith("root:")
    known = machine.shell(*pod, "d", "sleep 1000", linux=secure(run_as_user=cri.Int64Value(value=1000)))
    assert b"nologin" not in machine.exec(known, "cat", "/etc/passwd").stdout


def test_groups_of_both_policies(machine, pod):
    def groups(name, policy):
        linux = secure(
            run_as_user=cri.Int64Value(value=1000), supplemental_groups=[3000], supplemental_groups_policy=policy
        )
        container = machine.shell(*pod, name, "sleep 1000", linux=linux)
        told = list(machine.status(container).user.linux.supplemental_groups)
        ids = machine.exec(container, "sh", "-c", "id -G").stdout.split()
        assert sorted(map(int, ids)) == told
        return told

    assert groups("merge", cri.Merge) == [1000, 2000, 3000]
    assert groups("strict", cri.Strict) == [1000, 3000]


def test_sources_of_mounts(machine, pod, refused):
    missing = machine.folder / "made"
    container = machine.shell(
        *pod, "c", "sleep 1000", mounts=[cri.Mount(host_path=str(missing), container_path="/made")]
    )
    assert missing.is_dir() and machine.exec(container, "ls", "/made").exit_code == 0
    wanted = cri.Mount(host_path=f"{machine.folder}/must-be-there", container_path="/x")
    with refused(Code.UNKNOWN, "must-be-there", "no such file"):
        machine.create(*pod, "d", ["true"], mounts=[wanted])
    propagating = cri.Mount(
        host_path=str(missing), container_path="/x", readonly=True, recursive_read_only=True,
        propagation=cri.PROPAGATION_HOST_TO_CONTAINER,
    )
    with refused(Code.INVALID_ARGUMENT, "RROUnsupported"):
        machine.create(*pod, "e", ["true"], mounts=[propagating])


def test_confinement_that_the_kernel_does_not_have(machine, pod, refused):
    if not pathlib.Path("/sys/kernel/security/apparmor").exists():
        profile = cri.SecurityProfile(profile_type=cri.SecurityProfile.Localhost, localhost_ref="mine")
        with refused(Code.INVALID_ARGUMENT, "mine", "AppArmor"):
            machine.create(*pod, "a", ["true"], linux=secure(apparmor=profile))
    if not pathlib.Path("/sys/fs/selinux/enforce").exists():
        with refused(Code.INVALID_ARGUMENT, "system_u:system_r:mine_t:s0", "SELinux"):
            machine.create(*pod, "s", ["true"], linux=secure(selinux_options=cri.SELinuxOption(type="mine_t")))
    # What every pod may ask for is no reason to refuse it.
    default = cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault)
    machine.create(*pod, "d", ["true"], linux=secure(apparmor=default))


def test_volumes_of_the_image_are_folders(machine, pod):
    container = machine.shell(*pod, "volumes", "ls -ld /var/lib/pages && echo page > /var/lib/pages/one")
    assert machine.wait_exit(container).exit_code == 0
    assert machine.log(pod[1].metadata.name, "volumes")[0][2].startswith("drwxr-xr-x")


def test_features_of_handlers(machine):
    handlers = {h.name: h.features for h in machine.runtime.Status(cri.StatusRequest(), timeout=60).runtime_handlers}
    assert handlers[""].recursive_read_only_mounts and handlers["skiffrun"].recursive_read_only_mounts


def test_run_without_files(machine):
    container = machine.skiffctl(
        "run", "--no-pull", "--name", "quick", "--log-directory", str(machine.folder / "logs/quick"), "-e", "A=b",
        machine.image, "sh", "-c", "test $A = b",
    )
    container = container.strip()
    ended = machine.wait_exit(container)
    assert ended.exit_code == 0
    eventually("it is listed", lambda: "quick" in machine.skiffctl("ps", "-a"))
    machine.skiffctl("stopp", "--all")
    machine.skiffctl("rmp", "--all")
    assert not machine.pods()


def test_logs_of_a_run_without_files_go_with_it(machine):
    pods, logs = pathlib.Path("/var/log/pods"), machine.folder / "other-logs"
    before = set(pods.glob("*"))
    for goes_first in [["rm", "-f"], None]:
        container = machine.skiffctl("run", "--no-pull", machine.image, "echo", "hello").strip()
        machine.wait_exit(container)
        assert machine.skiffctl("logs", container) == "hello\n"
        assert logs in pathlib.Path(machine.status(container).log_path).parents
        if goes_first:
            machine.skiffctl(*goes_first, container)
        machine.skiffctl("rmp", "--all", "--force")
        assert list(logs.glob("*")) == [] and set(pods.glob("*")) <= before


def test_a_container_knows_that_it_is_one(machine, pod):
    container = machine.shell(*pod, "mark", "cat /run/.containerenv && echo there; echo $container")
    assert machine.wait_exit(container).exit_code == 0
    assert [text for _, _, text in machine.log(pod[1].metadata.name, "mark")] == ["there", "skiff"]
