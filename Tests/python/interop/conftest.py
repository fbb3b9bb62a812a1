# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

import pytest
from image import make_layout
from machine import RUNTIME, Machine
from podman import Podman

CONTAINERS_CONF = """
[containers]
# More than root may ask for here would be refused by setrlimit(2).
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
infra_image = "localhost/pause:1"
"""


@pytest.fixture(scope="session")
def runtime():
    """The runtime under test: a peer is tried by naming it in $SKIFF_INTEROP_RUNTIME."""
    return RUNTIME


@pytest.fixture(scope="session")
def machine():
    files = {
        "containers.conf": CONTAINERS_CONF,
        "policy.json": '{"default": [{"type": "insecureAcceptAnything"}]}',
        "registries.conf": "unqualified-search-registries = []\n",
    }
    one = Machine(files)
    try:
        yield one
    finally:
        one.down()


@pytest.fixture(scope="session")
def layout(machine):
    return make_layout(machine.folder)


@pytest.fixture(scope="session")
def podman_images(machine, layout, runtime):
    """A podman whose store has localhost/box:1 and, for pods, localhost/pause:1."""
    podman = Podman(machine, runtime)
    podman.load(layout, "1", "localhost/box:1")
    podman.load(layout, "pause", "localhost/pause:1")
    return podman


@pytest.fixture
def podman(podman_images):
    """Podman without a container: after the test nothing of what it made may be there."""
    yield podman_images
    podman_images.clean()
