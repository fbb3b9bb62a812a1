# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What skiffctl does beyond one request."""

import os
import subprocess
import threading
import time

from engine import PROGRAMS, cri


def test_stop_all(engine, pod):
    running = {engine.shell(*pod, name, "sleep 1000") for name in ("one", "two")}
    created = engine.create(*pod, "three", ["sleep", "1000"])
    assert set(engine.skiffctl("stop", "-a").split()) == running
    assert {engine.status(container).state for container in running} == {cri.CONTAINER_EXITED}
    assert engine.status(created).state == cri.CONTAINER_CREATED


def test_logs_go_with_their_container(engine, pod):
    folder = engine.folder / "logs" / pod[1].metadata.name
    for name, options, left in (("gone", [], []), ("kept", ["-k"], ["kept.log", "kept.log.1"])):
        container = engine.shell(*pod, name, "echo line")
        engine.wait_exit(container)
        os.rename(folder / f"{name}.log", folder / f"{name}.log.1")
        (folder / f"{name}.log").touch()
        # Of a container whose name begins the same.
        (folder / f"{name}.logs").touch()
        engine.skiffctl("rm", *options, container)
        assert sorted(path.name for path in folder.glob(f"{name}*")) == left + [f"{name}.logs"]


def test_an_engine_that_is_just_starting_is_waited_for(engine):
    engine.kill_daemon()
    late = threading.Timer(0.7, engine.start_daemon)
    late.start()
    assert "skiff" in engine.skiffctl("version")
    late.join()
    engine.kill_daemon()
    begin = time.monotonic()
    done = subprocess.run(
        [PROGRAMS / "skiffctl", "-r", "unix://" + engine.env["SOCKET"], "version"], capture_output=True, text=True)
    assert done.returncode == 1 and engine.env["SOCKET"] in done.stderr
    assert 1.5 < time.monotonic() - begin < 30
    engine.start_daemon()
