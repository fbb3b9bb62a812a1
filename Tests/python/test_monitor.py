# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What a pod's monitor does for its containers, seen through the daemon: logs, execs, and what outlives the daemon."""

import concurrent.futures
import json
import os
import signal
import subprocess

import grpc
from engine import DEADLINE, PROGRAMS, cri, eventually


def reopen(engine, container):
    request = cri.ReopenContainerLogRequest(container_id=container)
    engine.runtime.ReopenContainerLog(request, timeout=DEADLINE)


def numbers(folder, name):
    """What the log files of a container hold, the oldest first."""
    files = sorted(folder.glob(f"{name}.log*"), key=lambda path: int(path.suffix[1:]) if path.suffix != ".log" else 10**6)
    return [line.split(" ", 3)[3] for path in files for line in path.read_text().splitlines()]


def test_rotation_loses_nothing(engine, pod):
    identifier, config = pod
    script = "i=0; while ! test -e /go/stop; do i=$((i+1)); echo $i; sleep 0.01; done"
    (engine.folder / "rotation").mkdir()
    container = engine.shell(
        identifier, config, "c", script,
        mounts=[cri.Mount(host_path=str(engine.folder / "rotation"), container_path="/go")],
    )
    folder = engine.folder / "logs" / config.metadata.name
    follower = subprocess.Popen(
        [PROGRAMS / "skiffctl", "-r", "unix://" + engine.env["SOCKET"], "logs", "-f", container],
        stdout=subprocess.PIPE, text=True,
    )
    first = follower.stdout.readline()
    for turn in range(5):
        eventually("there is a log", lambda: (folder / "c.log").stat().st_size > 200)
        os.rename(folder / "c.log", folder / f"c.log.{turn}")
        reopen(engine, container)
        assert (folder / "c.log").exists()
        # The follower has to be in the new file before the next one takes its place.
        last = int((folder / f"c.log.{turn}").read_text().splitlines()[-1].split(" ", 3)[3])
        for line in follower.stdout:
            if int(line) > last:
                break
    (engine.folder / "rotation/stop").touch()
    engine.wait_exit(container)
    rest = follower.stdout.read().splitlines()
    assert follower.wait(DEADLINE) == 0
    written = numbers(folder, "c")
    assert written == [str(number) for number in range(1, len(written) + 1)]
    assert first.strip() == "1" and (rest or [line.strip()])[-1] == written[-1]


def test_reopening_fails_without_a_file(engine, pod, refused):
    identifier, config = pod
    container = engine.shell(identifier, config, "c", "sleep 1000")
    log = engine.folder / "logs" / config.metadata.name / "c.log"
    engine.stop(container, timeout=0)
    log.unlink()
    with refused(grpc.StatusCode.FAILED_PRECONDITION, container, "exited"):
        reopen(engine, container)
    assert not log.exists()
    with refused(grpc.StatusCode.NOT_FOUND, "nothing"):
        reopen(engine, "nothing")


def test_skiffctl_reopens(engine, pod):
    identifier, config = pod
    container = engine.shell(identifier, config, "c", "sleep 1000")
    log = engine.folder / "logs" / config.metadata.name / "c.log"
    log.unlink()
    assert engine.skiffctl("reopen-logs", container[:12]).strip() == container
    assert log.exists()


def test_a_full_disk_is_counted(engine, pod):
    identifier, config = pod
    folder = engine.folder / "logs" / config.metadata.name
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], check=True)
    try:
        container = engine.shell(identifier, config, "c", "seq 1 100000; sleep 1000")

        def lost():
            request = cri.ContainerStatusRequest(container_id=container, verbose=True)
            info = json.loads(engine.runtime.ContainerStatus(request, timeout=DEADLINE).info["info"])
            return info["lostLogBytes"]

        eventually("lost bytes are counted", lambda: lost() > 100_000)
        eventually("the daemon tells", lambda: "no space left on device" in engine.daemon_log())
        assert engine.status(container).state == cri.CONTAINER_RUNNING
    finally:
        engine.stop(container, timeout=0)
        # The monitor has the log open until the container is removed.
        subprocess.run(["umount", "-l", folder], check=True)


def test_outputs_are_capped_each(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    big = 20_000_000
    answer = engine.exec(container, "sh", "-c", f"head -c {big} /dev/zero; head -c {big} /dev/zero >&2; exit 3")
    assert answer.exit_code == 3
    assert len(answer.stdout) == len(answer.stderr) == 16 << 20


def test_many_execs_at_a_time(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")

    def run(number):
        answer = engine.exec(container, "sh", "-c", f"echo {number}; exit {number % 200}")
        return answer.stdout.decode().strip(), answer.exit_code

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        for number, answer in enumerate(pool.map(run, range(200))):
            assert answer == (str(number), number % 200)
    monitor = engine.monitor_pid(pod[0])
    with open(f"/proc/{monitor}/task/{monitor}/children") as children:
        assert len(children.read().split()) == 1


def test_execs_go_on_while_the_daemon_is_away(engine, pod):
    """A hook that the daemon has begun ends by itself; nothing of it stays."""
    container = engine.shell(*pod, "c", "sleep 1000")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(
            engine.exec, container, "sh", "-c", ": >/begun; until test -e /go; do sleep 0.05; done; : >/ended"
        )
        eventually("it has begun", lambda: engine.exec(container, "sh", "-c", "test -e /begun").exit_code == 0)
        engine.kill_daemon()
        assert isinstance(answer.exception(DEADLINE), grpc.RpcError)
    engine.start_daemon()
    assert engine.exec(container, "sh", "-c", ": >/go").exit_code == 0
    eventually("it has ended", lambda: engine.exec(container, "sh", "-c", "test -e /ended").exit_code == 0)
    monitor = engine.monitor_pid(pod[0])

    def only_the_container():
        with open(f"/proc/{monitor}/task/{monitor}/children") as children:
            return len(children.read().split()) == 1

    eventually("nothing of it is left", only_the_container)


def test_a_killed_child_of_memory_does_not_mark_its_container(engine, pod):
    """Killed on request afterwards, the container has not run out of memory itself."""
    limits = cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(memory_limit_in_bytes=32 << 20))
    script = "(x=$(cat /dev/zero | tr '\\0' x)); echo over; exec sleep 1000"
    container = engine.shell(*pod, "c", script, linux=limits)
    eventually("the child is killed", lambda: ("stdout", "F", "over") in engine.log(pod[1].metadata.name, "c"))
    engine.stop(container, timeout=0)
    status = engine.wait_exit(container)
    assert (status.exit_code, status.reason) == (128 + signal.SIGKILL, "Error")
