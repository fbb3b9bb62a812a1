# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A command whose processes make others faster than anybody can kill them one by one."""

import shutil
import subprocess

import grpc
import pytest
from engine import cri

# Each process lives no longer than it takes to make the next, which is in no group with it.
CHAIN = """
#include <unistd.h>
int main(void) {
    if (fork() == 0) for (;;) { setpgid(0, 0); if (fork() > 0) _exit(0); }
    pause();
}
"""


@pytest.fixture(scope="module")
def engine(engine):
    """The dead wait for the container's shell: the machine is not to run out of processes."""
    engine.configure("[runtime]\npids_limit = 4000\n")
    return engine


@pytest.fixture(scope="module")
def chain(engine):
    source, program = engine.parent / "chain.c", engine.parent / "chain"
    source.write_text(CHAIN)
    compiler = shutil.which("cc") or shutil.which("clang") or "/opt/swift/usr/bin/clang"
    subprocess.run([compiler, "-O1", "-static", "-o", program, source], check=True)
    return program


def test_the_monitor_goes_on(engine, pod, chain, refused):
    # Its shell reaps what becomes its child.
    container = engine.shell(
        *pod, "victim", "while :; do sleep 0.1; done", mounts=[
            cri.Mount(host_path=str(chain), container_path="/chain", readonly=True)])
    other = engine.shell(*pod, "other", "sleep 1000")
    with refused(grpc.StatusCode.DEADLINE_EXCEEDED, "1 s and was killed"):
        engine.exec(container, "/chain", timeout=1)
    request = cri.ExecSyncRequest(container_id=other, cmd=["echo", "here"])
    assert engine.runtime.ExecSync(request, timeout=20).stdout == b"here\n"
    engine.stop(container, timeout=0)
    assert engine.status(container).state == cri.CONTAINER_EXITED
