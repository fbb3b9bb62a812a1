# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What skiffctl does beyond one request."""

import contextlib
import json
import os
import pathlib
import pty
import stat
import subprocess
import termios
import threading
import time

from engine import PROGRAMS, cri, eventually


def run(engine, *words, **options):
    command = engine.client(*words)
    return subprocess.run(command, capture_output=True, timeout=60, **options)


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


def test_what_is_no_file_stays_when_a_container_goes(engine, pod):
    """A container without a log may have /dev/null for one."""
    folder = engine.folder / "logs" / pod[1].metadata.name
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("none.log", "none.log.1"):
        os.mknod(folder / name, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    container = engine.shell(*pod, "none", "echo line")
    engine.wait_exit(container)
    engine.skiffctl("rm", container)
    assert sorted(path.name for path in folder.glob("none*")) == ["none.log", "none.log.1"]


def test_settings_are_not_written_over_a_device(engine):
    device = engine.folder / "settings"
    os.mknod(device, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    assert "exists" in engine.skiffctl("--config", str(device), "config", "--set", "debug=true", status=1)
    assert stat.S_ISCHR(device.stat().st_mode)


def test_an_engine_that_is_just_starting_is_waited_for(engine):
    engine.kill_daemon()
    late = threading.Timer(0.7, engine.start_daemon)
    late.start()
    assert "skiff" in engine.skiffctl("version")
    late.join()
    engine.kill_daemon()
    begin = time.monotonic()
    done = subprocess.run(
        engine.client("version"), capture_output=True, text=True)
    assert done.returncode == 1 and engine.env["SOCKET"] in done.stderr
    assert 1.5 < time.monotonic() - begin < 30
    engine.start_daemon()


def test_a_template_picks_from_documents(engine, pod):
    one, two = (engine.shell(*pod, name, "sleep 1000") for name in ("one", "two"))
    options = ["-o", "go-template", "--template"]
    assert engine.skiffctl("inspect", *options, "{{.status.metadata.name | upper}}", one).strip() == "ONE"
    # More than one is a list.
    names = "{{range $i, $x := .}}{{$i}}={{.status.metadata.name}} {{end}}"
    assert engine.skiffctl("inspect", *options, names, one, two).strip() == "0=one 1=two"
    address = engine.pod_status(pod[0]).network.ip
    assert engine.skiffctl("inspectp", *options, "{{.status.network.ip}}", pod[0]).strip() == address
    assert engine.skiffctl("inspecti", *options, "{{index .status.repoTags 0}}", engine.image).strip() == engine.image
    conditions = "{{range .status.conditions}}{{.type}} {{end}}"
    assert "NetworkReady" in engine.skiffctl("info", *options, conditions)
    assert engine.skiffctl("imagefsinfo", *options, "{{len .status.imageFilesystems}}").strip() == "1"
    assert 'no member "speed"' in engine.skiffctl("inspect", *options, "{{.status.speed}}", one, status=1)


def test_inspect_chooses_among_containers_and_pods(engine, pod):
    one = engine.shell(*pod, "one", "sleep 1000", labels={"color": "red"})
    two = engine.shell(*pod, "two", "true", labels={"color": "blue"})
    engine.wait_exit(two)

    def inspected(command, *options):
        found = json.loads(engine.skiffctl(command, "-q", *options))
        return [document["status"]["id"] for document in (found if isinstance(found, list) else [found])]

    of_pod = ["--pod", pod[0]]
    assert inspected("inspect", *of_pod) == [one]
    assert inspected("inspect", *of_pod, "-a") == [two, one]
    assert inspected("inspect", *of_pod, "--label", "color=blue", "--state", "exited") == [two]
    assert inspected("inspect", *of_pod, "--latest") == [two]
    assert inspected("inspect", *of_pod, "--name", "^o", "--namespace", pod[1].metadata.namespace) == [one]
    assert inspected("inspectp", "--name", f"^{pod[1].metadata.name}$", "-s", "Ready") == [pod[0]]
    assert "none is chosen" in engine.skiffctl("inspect", *of_pod, "--name", "three", status=1)
    # What can be found is printed, whatever cannot.
    done = run(engine, "inspect", "-q", one, "nothing")
    assert [document["status"]["id"] for document in json.loads(done.stdout)] == [one]
    assert done.returncode == 1 and b'"nothing": not found' in done.stderr


def test_exec_in_chosen_containers(engine, pod):
    one, two = (engine.shell(*pod, name, "sleep 1000") for name in ("one", "two"))
    chosen = ["--pod", pod[0], "--name", "^(one|two)$"]
    lines = engine.skiffctl("exec", *chosen, "sh", "-c", "echo $0", "a").split()
    assert lines == [f"{two}:", "a", f"{one}:", "a"]
    done = run(engine, "exec", "-s", "-q", *chosen, "sh", "-c", "echo $0; exit 3", "a")
    assert (done.returncode, done.stdout, done.stderr) == (3, b"a\na\n", b"")
    assert engine.skiffctl("exec", "-e", "-q", *chosen, "sh", "-c", "exit 3") == ""
    assert engine.skiffctl("exec", "--latest", "--pod", pod[0], "echo", "x").split() == [f"{two}:", "x"]
    assert "none is chosen" in engine.skiffctl("exec", "--pod", pod[0], "--name", "x", "true", status=1)
    # At once: each waits for the other.
    wait = "mktemp -d /dev/shm/here-XXXXXX >/dev/null; until test $(ls /dev/shm | grep -c here) = 2; do sleep 0.05; done; echo met"
    assert engine.skiffctl("exec", "-x", *chosen, "sh", "-c", wait).split() == ["met"] * 2


def is_connected(pid):
    """Whether the process has a connection of TCP that its peer has not closed."""
    links = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd")]
    lines = [line.split() for line in pathlib.Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    return any(fields[3] == "01" and f"socket:[{fields[9]}]" in links for fields in lines)


def test_streams_over_websocket(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    command = ["exec", "-r", "websocket"]
    done = run(engine, *command, container, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    big = os.urandom(3_000_000)
    done = run(engine, *command, "-i", container, "cat", input=big)
    assert (done.returncode, done.stdout == big, done.stderr) == (0, True, b"")
    done = run(engine, *command, container, "nosuchprogram")
    assert done.returncode == 1 and b"nosuchprogram" in done.stderr
    # A reader that is slow gets what the server has sent, also when the server has closed the connection.
    reader = subprocess.Popen(
        engine.client(*command, container, "sh", "-c", "seq 1 30000"),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    eventually("the server has said its last", lambda: not is_connected(reader.pid))
    output, errors = reader.communicate(timeout=60)
    assert output.split() == [str(number).encode() for number in range(1, 30001)] and errors == b""
    assert reader.returncode == 0


def test_pulls_have_limits(engine):
    assert "deadline exceeded" in engine.skiffctl("pull", "--pull-timeout", "1ms", engine.image, status=1)
    engine.skiffctl("pull", "--pull-timeout", "1m", engine.image)


def test_a_password_is_typed_unseen(engine):
    command = engine.client("pull", "--username", "me", engine.image)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "read password of \"me\": there is none" in done.stderr
    main, secondary = pty.openpty()
    os.set_blocking(main, False)
    process = subprocess.Popen(command, stdin=secondary, stdout=subprocess.PIPE, stderr=secondary)
    seen = b""

    def asked():
        nonlocal seen
        with contextlib.suppress(BlockingIOError):
            seen += os.read(main, 1000)
        return b"Password of me: " in seen

    eventually("it asks", asked)
    eventually("typing is hidden", lambda: not termios.tcgetattr(secondary)[3] & termios.ECHO)
    os.write(main, b"secret\n")
    assert process.wait(60) == 0
    assert termios.tcgetattr(secondary)[3] & termios.ECHO
    asked()
    assert b"secret" not in seen
    os.close(main)
    os.close(secondary)


def test_logs_of_one_stream_and_of_the_attempt_before(engine, pod):
    container = engine.create(*pod, "c", ["sh", "-c", "echo out; echo err >&2"])
    engine.start(container)
    engine.wait_exit(container)
    for stream, expected in (("stderr", (b"", b"err\n")), ("stdout", (b"out\n", b""))):
        done = run(engine, "logs", "--stream", stream, container)
        assert (done.stdout, done.stderr) == expected
    assert "first of its name" in engine.skiffctl("logs", "-p", container, status=1)


def test_lists_of_images_are_filtered(engine):
    lines = engine.skiffctl("images", "--pinned", "--filter", "dangling=false", "-f", "reference=/web/").splitlines()
    assert lines[0].split()[-1] == "PINNED" and lines[1].split()[-1] == "false"
    assert len(engine.skiffctl("images", "-f", f"before={engine.image}").splitlines()) == 1
    (document,) = [json.loads(engine.skiffctl("inspecti", "-q", "-f", "reference=/web/"))]
    short = lines[1].split()[2]
    assert document["status"]["id"].startswith(f"sha256:{short}")
    assert len(engine.skiffctl("images", "-f", f"since={short}").splitlines()) == 1
    assert "there are none" in engine.skiffctl("inspecti", "-f", "dangling=true", status=1)


def test_settings_file(engine, tmp_path):
    path = tmp_path / "crictl.yaml"
    program = [PROGRAMS / "skiffctl", "-c", path]
    subprocess.run(
        [*program, "config", "--set", f"runtime-endpoint=unix://{engine.env['SOCKET']},timeout=20s"], check=True)
    subprocess.run([*program, "config", "debug", "true"], check=True)
    done = subprocess.run([*program, "version"], check=True, capture_output=True, text=True)
    assert "skiff" in done.stdout and "debug:" in done.stderr
    shown = subprocess.run([*program, "config", "--get", "timeout"], check=True, capture_output=True, text=True)
    assert shown.stdout == "20s\n"
    before = path.read_bytes()
    done = subprocess.run([*program, "config", "debug", "perhaps"], capture_output=True, text=True)
    assert done.returncode == 1 and "neither true nor false" in done.stderr and path.read_bytes() == before


def test_a_pod_without_uid_is_another_each_time(engine, tmp_path):
    path = tmp_path / "pod.yaml"
    path.write_text(f"metadata: {{name: twice, namespace: default}}\nlog_directory: {tmp_path}\n")
    pods = [engine.skiffctl("runp", path).strip() for _ in range(2)]
    assert len(set(pods)) == 2
    documents = json.loads(engine.skiffctl("inspectp", "-q"))
    uids = {document["status"]["metadata"]["uid"] for document in documents if document["status"]["id"] in pods}
    assert len(uids) == 2 and "" not in uids
    removed = engine.skiffctl("rmp", "-f", *pods).splitlines()
    assert removed == [f"{word} sandbox {pod}" for pod in pods for word in ("Stopped", "Removed")]


def test_lists_of_what_is_not_there_are_empty(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    assert engine.skiffctl("ps", "-q", "--pod", pod[0]).split() == [container]
    assert engine.skiffctl("ps", "-q", "--pod", "f" * 64) == ""
    assert engine.skiffctl("ps", "-q", "--image", "nothing:1") == ""
    assert '"nothing": not found' in engine.skiffctl("exec", "--pod", "nothing", "true", status=1)
    assert container in engine.skiffctl("inspect", "-q")


def test_what_scripts_ask_first(engine):
    assert engine.skiffctl("--version").startswith("skiffctl version ")
    assert engine.skiffctl("runtime-config").split()[:2] == ["cgroup", "driver:"]
    # As after `| head -1`.
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(engine.client("info"), stdout=writing, stderr=subprocess.PIPE, timeout=60)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
    done = run(engine, "frobnicate")
    assert done.returncode == 64 and b'no command "frobnicate"' in done.stderr


def test_whoever_waits_is_told_for_what(engine, pod):
    stubborn = engine.shell(*pod, "c", "trap '' TERM; while :; do sleep 1; done")
    main, secondary = pty.openpty()
    process = subprocess.Popen(engine.client("stop", "-t", "3", stubborn), stdout=subprocess.PIPE, stderr=secondary)
    os.close(secondary)
    seen = b""
    with contextlib.suppress(OSError):
        while more := os.read(main, 1000):
            seen += more
    os.close(main)
    assert process.communicate(timeout=60)[0].decode().split() == [stubborn] and process.returncode == 0
    assert f'stop container "{stubborn}"  1s'.encode() in seen
    # It leaves nothing on the screen.
    assert seen.endswith(b"\r\x1b[K")
