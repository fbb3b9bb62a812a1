# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What a pod's monitor does for its containers, seen through the daemon: logs, execs, and what outlives the daemon."""

import concurrent.futures
import contextlib
import json
import os
import signal
import subprocess
import time

import grpc
import pytest
from engine import DEADLINE, cri, eventually
from spdy import Command
from streaming import attach_url


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
        engine.client("logs", "-f", container),
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


@contextlib.contextmanager
def frozen(pid):
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_reopening_ends_with_its_callers_patience(engine, pod, refused):
    """What comes too late for the caller is not done, and whoever waits longer gets it."""
    container = engine.shell(*pod, "c", "sleep 1000")
    log = engine.folder / "logs" / pod[1].metadata.name / "c.log"
    log.unlink()
    request = cri.ReopenContainerLogRequest(container_id=container)
    monitor = engine.monitor_pid(pod[0])
    with frozen(monitor):
        with refused(grpc.StatusCode.DEADLINE_EXCEEDED):
            engine.runtime.ReopenContainerLog(request, timeout=1)
        # The second began for the daemon when the request came, which is later than for the client.
        time.sleep(1)
    # It has had the other request before this one.
    assert engine.exec(container, "echo", "awake").stdout == b"awake\n"
    assert not log.exists()
    with frozen(monitor):
        answer = engine.runtime.ReopenContainerLog.future(request, timeout=DEADLINE)
        # Longer than a caller without a limit of its own is made to wait.
        time.sleep(11)
        assert not answer.done()
    answer.result()
    assert log.exists()


def test_skiffctl_reopens(engine, pod):
    identifier, config = pod
    container = engine.shell(identifier, config, "c", "sleep 1000")
    log = engine.folder / "logs" / config.metadata.name / "c.log"
    log.unlink()
    assert engine.skiffctl("reopen-logs", container[:12]).strip() == container
    assert log.exists()


@contextlib.contextmanager
def small_disk(kind, folder, image):
    """A file system of that kind at the folder that is full soon."""
    if kind == "tmpfs":
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
    else:
        with open(image, "wb") as file:
            file.truncate(1 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-O", "^has_journal", image], check=True)
        command = ["mount", "-o", "loop", image, folder]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        # The monitor has the log open until the container is removed.
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_full_disk_is_counted(engine, pod, kind):
    identifier, config = pod
    folder, flags = engine.folder / "logs" / config.metadata.name, engine.folder / f"flags-{kind}"
    flags.mkdir()
    with small_disk(kind, folder, engine.folder / "disk.img"):
        container = engine.shell(
            identifier, config, "c",
            "seq 1 300000; : >/flags/full; until test -e /flags/go; do sleep 0.1; done; echo after; sleep 1000",
            mounts=[cri.Mount(host_path=str(flags), container_path="/flags")],
        )

        def lost():
            request = cri.ContainerStatusRequest(container_id=container, verbose=True)
            info = json.loads(engine.runtime.ContainerStatus(request, timeout=DEADLINE).info["info"])
            return info["lostLogBytes"]

        eventually("lost bytes are counted", lambda: lost() > 100_000)
        eventually("the daemon tells", lambda: "no space left on device" in engine.daemon_log())
        assert engine.status(container).state == cri.CONTAINER_RUNNING
        eventually("all of it is written", (flags / "full").exists)
        # Lines differ by their numbers only.
        head = len((folder / "c.log").read_bytes().split(b"\n", 1)[0]) - 1
        size = {number: head + len(f"{number}\n") for number in range(1, 300_001)}

        def accounted():
            # In this order: what is cut off a line again was never counted as lost.
            missing = lost()
            return missing + (folder / "c.log").stat().st_size == sum(size.values())

        eventually("each byte is in the log or is counted", accounted)
        lines = engine.log(config.metadata.name, "c")
        kept = [int(text) for _, _, text in lines]
        assert lines == [("stdout", "F", str(number)) for number in kept]
        # A disk that is full for one line may have room for a later one.
        assert kept == sorted(set(kept)) and kept[0] == 1
        assert lost() == sum(size.values()) - sum(size[number] for number in kept)
        # With room again the log goes on.
        os.truncate(folder / "c.log", 0)
        (flags / "go").touch()
        eventually("the log goes on", lambda: ("stdout", "F", "after") in engine.log(config.metadata.name, "c"))
        before = lost()
        engine.stop(container, timeout=0)
        assert lost() >= before
        # Also when the monitor has ended.
        engine.stop_pod(identifier)
        assert lost() >= before


def test_outputs_are_capped_each(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    big = 20_000_000
    answer = engine.exec(container, "sh", "-c", f"head -c {big} /dev/zero; head -c {big} /dev/zero >&2; exit 3")
    assert answer.exit_code == 3
    assert len(answer.stdout) == len(answer.stderr) == 16 << 20


def test_output_without_end_holds_up_nobody(engine, pod):
    """Neither who asked for it, once the command has ended, nor others while it runs."""
    container = engine.shell(*pod, "c", "sleep 1000")
    flood = "for i in 1 2 3 4; do cat /dev/zero & done; : >/begun; until test -e /enough; do sleep 0.1; done"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        answer = pool.submit(engine.exec, container, "sh", "-c", flood)
        eventually("it has begun", lambda: engine.exec(container, "sh", "-c", "test -e /begun").exit_code == 0)
        for number in range(10):
            assert engine.exec(container, "echo", str(number)).stdout.decode() == f"{number}\n"
        assert not answer.done()
        engine.exec(container, "sh", "-c", ": >/enough")
        assert len(answer.result(DEADLINE).stdout) == 16 << 20


def test_a_timed_out_command_is_gone_with_all_its_group(engine, pod, refused):
    container = engine.shell(*pod, "c", "sleep 1000")
    begin = time.monotonic()
    with refused(grpc.StatusCode.DEADLINE_EXCEEDED, "1 s"):
        engine.exec(container, "sh", "-c", "sleep 345678 & sleep 345678 | sleep 345678", timeout=1)
    assert time.monotonic() - begin < 5
    assert b"345678" not in engine.exec(container, "ps").stdout


def test_a_request_that_is_given_up_leaves_nothing(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    for wait in (0.001, 0.005, 0.02, 0.1, 0.5):
        call = engine.runtime.ExecSync.future(
            cri.ExecSyncRequest(container_id=container, cmd=["sleep", "456789"]), timeout=DEADLINE
        )
        time.sleep(wait)
        call.cancel()
    for _ in range(5):
        time.sleep(0.2)
        eventually("they end", lambda: b"456789" not in engine.exec(container, "ps").stdout, seconds=20)


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


def test_the_monitor_has_cgroups_of_its_own(engine, pod):
    """What containers may use up does not count against it, and what kills theirs does not kill it."""
    container = engine.launch(*pod, "c", ["sleep", "1000"])
    request = cri.ContainerStatusRequest(container_id=container, verbose=True)
    info = json.loads(engine.runtime.ContainerStatus(request, timeout=DEADLINE).info["info"])

    def cgroups(pid):
        with open(f"/proc/{pid}/cgroup") as file:
            return dict(line.strip().split(":", 2)[1:] for line in file)

    monitor, first = cgroups(engine.monitor_pid(pod[0])), cgroups(info["pid"])
    for controllers, path in monitor.items():
        if engine.env["CGROUP"] in first[controllers]:
            own = "/monitor" if engine.env["CGROUP_DRIVER"] == "cgroupfs" else f"/skiff-monitor-{pod[0]}.scope"
            assert engine.env["CGROUP"] in path and path.endswith(own), (controllers, path)
            assert not first[controllers].startswith(path)


def test_many_lines_without_end_and_at_once(engine, pod):
    """A container that writes no newline, and one that writes on both outputs at a time: every byte is kept, in order."""
    script = "head -c 5000000 /dev/zero | tr '\\0' x; seq 1 50000 >&2 & seq 50001 100000; wait"
    container = engine.shell(*pod, "c", script)
    assert engine.wait_exit(container).exit_code == 0
    lines = engine.log(pod[1].metadata.name, "c")
    said = {
        stream: "".join(text + ("\n" if tag == "F" else "") for name, tag, text in lines if name == stream)
        for stream in ("stdout", "stderr")
    }
    assert said["stdout"] == "x" * 5_000_000 + "".join(f"{number}\n" for number in range(50_001, 100_001))
    assert said["stderr"] == "".join(f"{number}\n" for number in range(1, 50_001))
    assert max(len(text) for _, _, text in lines) == 16_384


def test_outputs_and_input_that_nobody_uses(engine, pod):
    """A container that closes its outputs lives on, and one that never reads its input is stopped like any other."""
    script = "exec >&- 2>&-; sleep 1000"
    closed = engine.shell(*pod, "closed", script)
    deaf = engine.launch(*pod, "deaf", ["sleep", "1000"], stdin=True)
    client = Command(attach_url(engine, deaf), stdin=True)
    with contextlib.suppress(OSError):
        client.connection.socket.settimeout(3)
        client.stdin.send(bytes(8 << 20))
    assert engine.exec(closed, "echo", "alive").stdout == b"alive\n"
    for container in (closed, deaf):
        begin = time.monotonic()
        engine.stop(container, timeout=0)
        assert engine.wait_exit(container).exit_code == 137 and time.monotonic() - begin < 10
    client.connection.close()
