# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Containers made from checkpoints. What criu restores, hack/vm-engine shows; here is all around it, with archives made by
hand: criu refuses their images."""

import json
import pathlib
import tarfile

import grpc
import pytest
from engine import cri
from pushing import push_image, tar

Code = grpc.StatusCode


class Archive:
    """A checkpoint of a container as an engine writes it, but for the images of criu."""

    def __init__(self, engine, spec):
        self.parts = {
            "checkpoint/inventory.img": b"none",
            "config.dump": json.dumps({
                "id": "f" * 64, "name": "former", "rootfsImage": engine.image, "rootfsImageRef": image_id(engine),
                "rootfsImageName": engine.image, "runtime": "skiffrun"}).encode(),
            "spec.dump": json.dumps(spec).encode(),
            "deleted.files": json.dumps(["/www/index.html", "/absent/file"]).encode(),
            "rootfs-diff.tar": tar({"etc/motd": b"new\n", "added/file": b"added\n"}),
        }

    def without(self, part):
        del self.parts[part]
        return self

    def with_part(self, part, content):
        self.parts[part] = content if isinstance(content, bytes) else json.dumps(content).encode()
        return self

    def write(self, path, *entries):
        path.write_bytes(tar(self.parts, *entries))
        return str(path)

    def push(self, engine, name, *entries, mark="io.kubernetes.cri-o.annotations.checkpoint.name"):
        """As an image in the registry, pulled."""
        image = push_image(engine.env["REGISTRY"], name, tar(self.parts, *entries), {mark: "former"})
        spec = cri.ImageSpec(image=image)
        engine.images.PullImage(cri.PullImageRequest(image=spec), timeout=60)
        return image


def entry(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def image_id(engine):
    request = cri.ImageStatusRequest(image=cri.ImageSpec(image=engine.image))
    return engine.images.ImageStatus(request, timeout=60).image.id


def configure(engine, level="checkpoint_restore"):
    folder = engine.folder / "skiff.toml.d"
    folder.mkdir(exist_ok=True)
    (folder / "restore.toml").write_text(
        f'[checkpoint_restore]\ncontainer_level_enabled = "{level}"\nrestore_dirs = ["{engine.folder}/checkpoints"]\n')
    engine.kill_daemon()
    engine.start_daemon()


@pytest.fixture(scope="module")
def restoring(engine):
    (engine.folder / "checkpoints").mkdir()
    configure(engine)
    return engine


def spec_of(engine, container):
    return json.loads((engine.folder / "run/containers" / container / "config.json").read_text())


@pytest.fixture
def former(restoring, pod):
    """What a container had that slept, but had other arguments than the request will have."""
    container = restoring.create(*pod, "former", ["sleep", "77"])
    spec = spec_of(restoring, container)
    restoring.remove(container)
    return spec


def create(engine, pod, image, **fields):
    config = cri.ContainerConfig(
        metadata=cri.ContainerMetadata(name="restored"), image=cri.ImageSpec(image=image), log_path="r.log", **fields)
    request = cri.CreateContainerRequest(pod_sandbox_id=pod[0], config=config, sandbox_config=pod[1])
    return engine.runtime.CreateContainer(request, timeout=60).container_id


def test_its_files_and_its_program_are_the_checkpoints(restoring, pod, former):
    engine = restoring
    container = create(engine, pod, Archive(engine, former).write(engine.folder / "checkpoints/a.tar"))
    status = engine.status(container)
    assert status.state == cri.CONTAINER_CREATED and status.image_id == image_id(engine)
    assert spec_of(engine, container)["process"]["args"] == ["sleep", "77"]
    root = engine.folder / "run/containers" / container / "rootfs"
    assert (root / "etc/motd").read_text() == "new\n" and (root / "added/file").read_text() == "added\n"
    assert not (root / "www/index.html").exists() and (root / "bin/sh").exists()
    # It waits for its start as long as it has to.
    engine.kill_daemon()
    engine.start_daemon()
    assert engine.status(container).state == cri.CONTAINER_CREATED
    with pytest.raises(grpc.RpcError) as error:
        engine.start(container)
    assert "skiffrun restore" in error.value.details(), error.value.details()
    status = engine.status(container)
    assert (status.state, status.exit_code, status.reason) == (cri.CONTAINER_EXITED, 128, "StartError")
    engine.remove(container)
    assert not (engine.folder / "lib/containers" / container).exists()


def test_one_that_is_never_started(restoring, pod, former, refused):
    engine = restoring
    container = create(engine, pod, Archive(engine, former).write(engine.folder / "checkpoints/b.tar"))
    with refused(Code.FAILED_PRECONDITION, "created"):
        engine.exec(container, "true")
    engine.stop(container)
    status = engine.status(container)
    assert (status.state, status.exit_code) == (cri.CONTAINER_EXITED, 137)
    with refused(Code.FAILED_PRECONDITION, "exited"):
        engine.start(container)
    engine.remove(container)
    # The pod's end is the container's too.
    create(engine, pod, str(engine.folder / "checkpoints/b.tar"))


def refuse(engine, pod, refused, image, *words, code=Code.INVALID_ARGUMENT, **fields):
    with refused(code, *words):
        create(engine, pod, image, **fields)
    assert not engine.containers() and not list((engine.folder / "lib/containers").iterdir())


def test_where_archives_may_be(restoring, pod, former, refused):
    engine, folder = restoring, restoring.folder / "checkpoints"
    outside = Archive(engine, former).write(engine.folder / "outside.tar")
    refuse(engine, pod, refused, outside, "restore_dirs")
    refuse(engine, pod, refused, f"{folder}/../outside.tar", "restore_dirs")
    (folder / "link.tar").symlink_to(outside)
    refuse(engine, pod, refused, str(folder / "link.tar"), "open checkpoint", code=Code.UNKNOWN)
    refuse(engine, pod, refused, str(folder / "absent.tar"), "absent.tar", code=Code.UNKNOWN)
    refuse(engine, pod, refused, str(folder), "restore_dirs")
    (folder / "folder").mkdir()
    refuse(engine, pod, refused, str(folder / "folder"), "it is no file")


@pytest.mark.parametrize("entries, word", [
    ([entry("checkpoint/link", tarfile.SYMTYPE, "/etc/passwd")], "files and directories"),
    ([entry("checkpoint/link", tarfile.LNKTYPE, "config.dump")], "files and directories"),
    ([entry("checkpoint/device", tarfile.CHRTYPE)], "files and directories"),
    ([entry("checkpoint/pipe", tarfile.FIFOTYPE)], "files and directories"),
    ([entry("../outside", tarfile.REGTYPE)], "outside"),
    ([entry("/outside", tarfile.REGTYPE)], "outside"),
])
def test_hostile_archives(restoring, pod, former, refused, entries, word):
    path = Archive(restoring, former).write(restoring.folder / "checkpoints/c.tar", *entries)
    refuse(restoring, pod, refused, path, word)


@pytest.mark.parametrize("changes", [
    tar({"../../../outside": b"x"}),
    tar({}, entry("link", tarfile.SYMTYPE, "../../../.."), entry("link/outside", tarfile.REGTYPE)),
    b"no tar" * 200,
])
def test_hostile_changes(restoring, pod, former, refused, changes):
    path = Archive(restoring, former).with_part("rootfs-diff.tar", changes).write(restoring.folder / "checkpoints/d.tar")
    refuse(restoring, pod, refused, path, "use checkpoint")
    assert not (restoring.folder / "run/outside").exists() and not (restoring.folder / "outside").exists()


def test_hostile_removals(restoring, pod, former):
    """Paths go by the container's root, whatever they say and whatever links are in it."""
    engine = restoring
    kept = engine.folder / "kept"
    kept.write_text("kept")
    up = "../" * 20
    archive = Archive(engine, former).with_part("deleted.files", [
        str(kept), up + str(kept), "/..", "/", ".", "", "/bin/..", "/www/index.html/x"])
    container = create(engine, pod, archive.write(engine.folder / "checkpoints/e.tar"))
    root = engine.folder / "run/containers" / container / "rootfs"
    assert kept.read_text() == "kept" and (root / "bin/sh").exists() and (root / "www/index.html").exists()


def test_what_an_archive_must_have(restoring, pod, former, refused):
    engine, path = restoring, restoring.folder / "checkpoints/f.tar"

    def bad(archive, *words, **fields):
        refuse(engine, pod, refused, archive.write(path), *words, **fields)

    bad(Archive(engine, former).without("config.dump"), "config.dump")
    bad(Archive(engine, former).with_part("config.dump", b"{"), "config.dump")
    bad(Archive(engine, former).without("spec.dump"), "spec.dump")
    bad(Archive(engine, former).with_part("deleted.files", {}), "deleted.files")
    other = {"rootfsImageRef": "sha256:" + "0" * 64, "rootfsImageName": "example.com/other:1"}
    bad(Archive(engine, former).with_part("config.dump", other), "example.com/other:1", "pulled", code=Code.NOT_FOUND)
    # Nothing can be missing that the archive does without.
    Archive(engine, former).without("deleted.files").without("rootfs-diff.tar").write(path)
    create(engine, pod, str(path))


def test_what_the_request_must_have(restoring, pod, former, refused):
    engine, path = restoring, restoring.folder / "checkpoints/g.tar"
    volume = {"destination": "/data", "type": "bind", "source": "/tmp", "options": ["rbind"]}
    image = Archive(engine, {**former, "mounts": former["mounts"] + [volume]}).write(path)
    refuse(engine, pod, refused, image, "/data")
    mounts = [cri.Mount(container_path="/data", host_path=str(engine.folder / "checkpoints"))]
    engine.remove(create(engine, pod, image, mounts=mounts))
    image = Archive(engine, former).write(path)
    refuse(engine, pod, refused, image, "/data", mounts=mounts)
    refuse(engine, pod, refused, image, "terminal", tty=True)
    node = cri.NamespaceOption(pid=cri.NODE)
    refuse(
        engine, pod, refused, image, "PID namespace",
        linux=cri.LinuxContainerConfig(security_context=cri.LinuxContainerSecurityContext(namespace_options=node)))


def test_levels(restoring, pod, former, refused):
    engine = restoring
    image = Archive(engine, former).write(engine.folder / "checkpoints/h.tar")
    try:
        configure(engine, "checkpoint_only")
        refuse(engine, pod, refused, image, "checkpoint_only", code=Code.FAILED_PRECONDITION)
        configure(engine, "none")
        refuse(engine, pod, refused, image, "none", code=Code.FAILED_PRECONDITION)
        container = engine.launch(*pod, "c", ["sleep", "1000"])
        with refused(Code.FAILED_PRECONDITION, "none"):
            request = cri.CheckpointContainerRequest(container_id=container, location="/tmp/x", timeout=10)
            engine.runtime.CheckpointContainer(request, timeout=60)
    finally:
        configure(engine)
    assert not pathlib.Path("/tmp/x").exists()


def test_a_checkpoint_in_an_image(restoring, pod, former, refused):
    engine = restoring
    image = Archive(engine, former).push(engine, "checkpoint")
    container = create(engine, pod, image)
    status = engine.status(container)
    assert (status.state, status.image_id, status.image.image) == (cri.CONTAINER_CREATED, image_id(engine), image)
    assert spec_of(engine, container)["process"]["args"] == ["sleep", "77"]
    root = engine.folder / "run/containers" / container / "rootfs"
    assert (root / "etc/motd").read_text() == "new\n" and not (root / "www/index.html").exists()
    # The images of criu are read where they are, so they stay.
    with refused(Code.FAILED_PRECONDITION, "used by the container"):
        spec = cri.ImageSpec(image=image)
        engine.images.RemoveImage(cri.RemoveImageRequest(image=spec), timeout=60)
    engine.kill_daemon()
    engine.start_daemon()
    with pytest.raises(grpc.RpcError) as error:
        engine.start(container)
    assert "skiffrun restore" in error.value.details(), error.value.details()
    engine.remove(container)
    assert not list((engine.folder / "lib/containers").iterdir())
    engine.images.RemoveImage(cri.RemoveImageRequest(image=cri.ImageSpec(image=image)), timeout=60)


@pytest.mark.parametrize("part, name, kind, target", [
    ("rootfs-diff.tar", "rootfs-diff.tar", tarfile.SYMTYPE, "/etc/passwd"),
    ("deleted.files", "deleted.files", tarfile.SYMTYPE, "/etc/passwd"),
    ("checkpoint/inventory.img", "checkpoint", tarfile.SYMTYPE, "/etc"),
    ("checkpoint/inventory.img", "checkpoint/inventory.img", tarfile.SYMTYPE, "/etc/passwd"),
    ("checkpoint/inventory.img", "checkpoint/inventory.img", tarfile.FIFOTYPE, ""),
    ("checkpoint/inventory.img", "checkpoint", tarfile.REGTYPE, ""),
])
def test_hostile_images(restoring, pod, former, refused, part, name, kind, target):
    """No link leads out of an image, where criu would follow it."""
    engine = restoring
    image = Archive(engine, former).without(part).push(engine, "hostile", entry(name, kind, target))
    refuse(engine, pod, refused, image, f"its {name} is no")


def test_what_an_image_must_have(restoring, pod, former, refused):
    engine = restoring
    image = Archive(engine, former).without("config.dump").push(engine, "without")
    refuse(engine, pod, refused, image, "config.dump")
    link = entry("config.dump", tarfile.SYMTYPE, "spec.dump")
    image = Archive(engine, former).without("config.dump").push(engine, "linked", link)
    refuse(engine, pod, refused, image, "config.dump", code=Code.UNKNOWN)
    # Without the mark it is an image like others, though one with nothing to run.
    image = Archive(engine, former).push(engine, "unmarked", mark="example.com/mark")
    refuse(engine, pod, refused, image, "choose the command")
    image = Archive(engine, former).push(engine, "checkpoint")
    try:
        configure(engine, "checkpoint_only")
        refuse(engine, pod, refused, image, "checkpoint_only", code=Code.FAILED_PRECONDITION)
    finally:
        configure(engine)


@pytest.mark.parametrize("engine", ["crun"], indirect=True, scope="module")
def test_a_runtime_that_cannot(engine, pod, refused):
    (engine.folder / "checkpoints").mkdir()
    configure(engine)
    path = engine.folder / "checkpoints/a.tar"
    refuse(engine, pod, refused, Archive(engine, {}).write(path), "crun", "checkpoints", code=Code.UNIMPLEMENTED)
