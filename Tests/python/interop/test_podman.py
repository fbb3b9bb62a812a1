# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""podman over the runtime: the life of a container."""

import fcntl
import json
import os
import pty
import struct
import termios

from machine import MISSING, NO_FILE, NO_PROGRAM, eventually, says
from podman import BOX

WAITING = 'trap "exit 3" TERM; echo ready; while :; do sleep 0.05; done'


def test_run_gives_output_and_status(podman):
    assert podman("run", "--rm", "-i", BOX, "cat", input="through\n").out == "through\n"
    done = podman.shell("echo out; echo err >&2; exit 7", status=7)
    assert (done.out, done.err) == ("out\n", "err\n")


def test_run_sets_the_process(podman):
    options = ["-u", "web", "-w", "/home/web", "-e", "A=b c", "--hostname", "here", "--group-add", "2000"]
    out = podman.shell('id; pwd; echo "$A $HOME"; hostname; umask', *options).out.splitlines()
    assert out[0].startswith("uid=1000(web) gid=1000(web)") and "2000(extra)" in out[0]
    assert out[1:] == ["/home/web", "b c /home/web", "here", "0022"]


def test_program_that_cannot_start(podman):
    missing = podman("run", "--rm", BOX, "nosuch", status=127)
    assert says(missing.err, MISSING)
    assert says(podman("run", "--rm", BOX, "/no/such", status=127).err, NO_FILE)
    assert says(podman("run", "--rm", BOX, "/etc/passwd", status=126).err, NO_PROGRAM)


def test_exec(podman):
    podman.start("a", WAITING)
    podman.logged("a", "ready")
    script = "id -u; pwd; echo $B; cat; exit 5"
    options = ["-i", "-u", "web", "-e", "B=2", "-w", "/etc"]
    done = podman("exec", *options, "a", "sh", "-c", script, status=5, input="typed\n")
    assert done.out.split() == ["1000", "/etc", "2", "typed"]
    assert "not found" in podman("exec", "a", "nosuch", status=127).err
    podman("exec", "-d", "a", "sh", "-c", "echo later >/tmp/file")
    eventually("the detached exec writes", lambda: "later" in podman("exec", "a", "sh", "-c", "cat /tmp/*").out)
    podman("exec", "--privileged", "a", "sh", "-c", "grep -q '^CapEff:.*[1-9a-f]$' /proc/self/status")


def test_terminal_has_the_size_of_the_callers(podman):
    primary, secondary = pty.openpty()
    fcntl.ioctl(primary, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    command = ["podman", *podman.options, "run", "--rm", "-it", BOX, "sh", "-c", "sleep 0.3; tty; stty size"]
    process = podman.machine.spawn(*command, stdin=secondary, stdout=secondary, stderr=secondary)
    os.close(secondary)
    text = b""
    while True:
        try:
            piece = os.read(primary, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.close(primary)
    assert process.wait() == 0, text
    assert text.split(b"\r\n")[:2] == [b"/dev/pts/0", b"31 97"]


def test_stop_kill_restart_and_wait(podman):
    podman.start("a", WAITING)
    podman.logged("a", "ready")
    podman("stop", "-t", "30", "a")
    assert podman.inspect("a", "{{.State.Status}} {{.State.ExitCode}}") == "exited 3"
    podman("start", "a")
    podman("kill", "-s", "KILL", "a")
    assert podman.out("wait", "a") == "137"
    podman("restart", "-t", "0", "a")
    assert podman.inspect("a", "{{.State.Status}}") == "running"
    assert "running or paused containers cannot be removed" in podman("rm", "a", status=2).err


def test_stop_ends_what_ignores_the_signal(podman):
    podman.start("a", "trap '' TERM; echo ready; while :; do sleep 0.05; done")
    podman.logged("a", "ready")
    podman("stop", "-t", "1", "a")
    assert podman.inspect("a", "{{.State.ExitCode}}") == "137"


def test_logs(podman):
    podman.start("a", "echo one; echo two >&2; echo three; seq 2000")
    podman("wait", "a")
    done = podman("logs", "a")
    assert done.out.split() == ["one", "three", *map(str, range(1, 2001))] and done.err == "two\n"
    assert podman.out("logs", "-f", "--tail", "1", "a") == "2000"


def test_pause_and_top(podman):
    podman.start("a", WAITING)
    podman.logged("a", "ready")
    podman("pause", "a")
    assert podman.inspect("a", "{{.State.Status}}") == "paused"
    podman("unpause", "a")
    assert "sh -c trap" in podman.out("top", "a", "pid", "args")


def test_limits_and_stats(podman):
    podman.start("a", WAITING, "--memory", "48m", "--pids-limit", "40", "--cpus", "0.5", "--cpu-shares", "512")
    podman.logged("a", "ready")
    stats = json.loads(podman.out("stats", "--no-stream", "--format", "json", "a"))[0]
    assert stats["mem_usage"].endswith("/ 50.33MB"), stats
    assert int(stats["pids"]) >= 1, stats
    assert stats["cpu_percent"].endswith("%"), stats
    read = "cd /sys/fs/cgroup; cat memory*/memory.limit_in_bytes pids*/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares"
    assert podman.out("exec", "a", "sh", "-c", read).split() == ["50331648", "40", "50000", "512"]


def test_update_of_a_running_container(podman):
    podman.start("a", WAITING, "--memory", "48m")
    podman.logged("a", "ready")
    podman("update", "--memory", "64m", "--cpus", "0.25", "--cpu-shares", "256", "a")
    read = "cd /sys/fs/cgroup; cat memory*/memory.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares"
    assert podman.out("exec", "a", "sh", "-c", read).split() == ["67108864", "25000", "256"]


def test_healthcheck(podman):
    options = ["--health-cmd", "test -f /tmp/well", "--health-interval", "disable", "--health-retries", "1"]
    podman.start("a", WAITING, *options)
    podman.logged("a", "ready")
    podman("healthcheck", "run", "a", status=1)
    assert podman.inspect("a", "{{.State.Health.Status}}") == "unhealthy"
    podman("exec", "a", "touch", "/tmp/well")
    podman("healthcheck", "run", "a")
    assert podman.inspect("a", "{{.State.Health.Status}}") == "healthy"
