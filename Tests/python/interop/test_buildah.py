# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""buildah over the runtime: `run` in a working container, and a build from a file."""

import pytest
from machine import MISSING, says
from podman import BOX


@pytest.fixture
def buildah(podman_images, runtime):
    """Runs buildah on podman's store. The working containers go away afterwards."""
    machine = podman_images.machine

    def call(command, *arguments, **expected):
        chosen = ["--runtime", runtime] if command in ("run", "bud") else []
        options = [*podman_images.storage, "--cgroup-manager", "cgroupfs"]
        return machine.run("buildah", *options, command, *chosen, *arguments, **expected)

    yield call
    call("rm", "-a")
    assert not machine.cgroups(), machine.cgroups()


def test_run(buildah):
    name = buildah("from", BOX).out.strip()
    assert buildah("run", name, "cat", input="through\n").out == "through\n"
    buildah("run", name, "sh", "-c", "echo made >/made; exit 3", status=3)
    assert buildah("run", "--user", "web", name, "sh", "-c", "id -u; cat /made").out.split() == ["1000", "made"]
    assert says(buildah("run", name, "nosuch", status=1).err, MISSING)


def test_run_with_a_terminal_and_volumes(buildah, podman_images):
    source = podman_images.machine.folder / "source"
    source.mkdir()
    (source / "file").write_text("host\n")
    name = buildah("from", BOX).out.strip()
    assert buildah("run", "-t", name, "tty").out.strip() == "/dev/pts/0"
    assert buildah("run", "-v", f"{source}:/source:ro", name, "cat", "/source/file").out == "host\n"
    buildah("run", "--cap-drop", "CAP_CHOWN", name, "chown", "1", "/etc", status=1)
    buildah("run", "--isolation", "oci", "--hostname", "build", name, "sh", "-c", "test $(hostname) = build")


FILE = """
FROM localhost/box:1
RUN mkdir /work && chown 1000 /work && echo first >/first
USER 1000
WORKDIR /work
RUN cat /first >second && id -u >>second
RUN ! touch /root-only && touch /tmp/x
RUN echo checked $(cat second)
"""


def test_build_from_a_file(buildah, podman_images):
    folder = podman_images.machine.folder / "context"
    folder.mkdir()
    (folder / "Containerfile").write_text(FILE)
    out = buildah("bud", "-t", "localhost/built:1", folder).out
    assert "checked first 1000" in out, out
    buildah("bud", "-f", "-", folder, input=f"FROM {BOX}\nRUN exit 9\n", status=9)
