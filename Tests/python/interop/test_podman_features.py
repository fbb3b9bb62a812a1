# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""podman over the runtime: pods, user namespaces, systemd mode, volumes, kube play, confinement."""

import json
import os

import pytest
from machine import RUNTIME, eventually
from podman import BOX

UNTIL_TERM = 'trap exit TERM; echo ready; while :; do sleep 0.05; done'


def test_pod_shares_its_namespaces(podman):
    podman("pod", "create", "--name", "p", "--share", "net,ipc,uts,pid", "--hostname", "podhost")
    podman("run", "-d", "--pod", "p", "--name", "web", BOX, "sh", "-c",
           f"echo shared >/dev/shm/note; httpd -p 80 -h /etc; {UNTIL_TERM}")
    podman.logged("web", "ready")
    script = "cat /dev/shm/note; wget -q -O - localhost/group | head -n 1; hostname; pidof httpd | wc -w"
    out = podman("run", "--rm", "--pod", "p", BOX, "sh", "-c", script).out.split()
    assert out == ["shared", "root:x:0:", "podhost", "1"]
    podman("pod", "pause", "p")
    assert podman.inspect("web", "{{.State.Status}}") == "paused"
    podman("pod", "unpause", "p")
    podman("pod", "stats", "--no-stream", "p")
    podman("pod", "stop", "-t", "20", "p")
    # podman ends the first process of the pod's PID namespace beside the others, whatever the runtime, and the kernel
    # kills with it who has not ended yet.
    assert podman.inspect("web", "{{.State.ExitCode}}") in ("0", "137")
    podman("pod", "rm", "p")


def test_userns_auto(podman):
    """Each container gets 1024 or more ids of its own, from the range of `containers`."""
    script = "cat /proc/self/uid_map /proc/self/gid_map; id -u; ls -ln /etc/passwd; touch /tmp/mine"
    out = podman.shell(script, "--userns=auto:size=2000").out.split()
    assert out[0:3] == out[3:6] and out[0] == "0" and int(out[1]) >= 200000 and out[2] == "2000", out
    assert out[6] == "0" and out[9] == "0", "the image's files belong to the container's root"
    keep = podman.shell("cat /proc/self/uid_map", "--uidmap", "0:300000:1000", "--gidmap", "0:300000:1000").out
    assert keep.split() == ["0", "300000", "1000"]


def test_systemd_always(podman):
    script = (
        "echo $container; grep -c ' /run ' /proc/mounts; grep -c ' /tmp ' /proc/mounts; "
        "test -w /sys/fs/cgroup/systemd -o -w /sys/fs/cgroup/cgroup.procs && echo writable"
    )
    assert podman.shell(script, "--systemd=always").out.split() == ["podman", "1", "1", "writable"]


def test_volumes(podman):
    podman("volume", "create", "v")
    podman.shell("echo kept >/data/file", "-v", "v:/data")
    assert podman.shell("cat /data/file", "-v", "v:/data:ro").out == "kept\n"
    assert "Read-only file system" in podman.shell("echo x >/data/file", "-v", "v:/data:ro", status=1).err
    podman.shell("echo more >/data/file", "-v", "v:/data:U", "-u", "1000")
    podman("volume", "rm", "v")


def test_bind_and_tmpfs(podman):
    shared = podman.machine.folder / "shared"
    shared.mkdir()
    (shared / "file").write_text("host\n")
    script = "cat /a/file /f; echo x >/a/file || echo refused; df -m /t | tail -n 1; stat -c %a /t; mount | grep ' /t '"
    out = podman.shell(
        script, "-v", f"{shared}:/a:ro,rslave", "--mount", f"type=bind,src={shared}/file,dst=/f",
        "--tmpfs", "/t:size=2m,mode=1711,noexec").out.splitlines()
    assert out[0:3] == ["host", "host", "refused"]
    assert out[3].split()[1] == "2" and out[4] == "1711" and "noexec" in out[5]


def test_idmapped_volume(podman):
    """The files of the host's root belong to the container's, though its users are others."""
    if os.path.basename(RUNTIME) == "runc":
        pytest.skip("runc 1.1 has no mounts with other owners")
    owned = podman.machine.folder / "owned"
    owned.mkdir()
    (owned / "file").write_text("mine\n")
    options = ["--uidmap", "0:300000:1000", "--gidmap", "0:300000:1000"]
    script = "stat -c %u:%g /v/file; echo new >/v/made"
    assert podman.shell("stat -c %u:%g /v/file", *options, "-v", f"{owned}:/v").out == "65534:65534\n"
    assert podman.shell(script, *options, "-v", f"{owned}:/v:idmap").out == "0:0\n"
    assert (owned / "made").stat().st_uid == 0


KUBE = """
apiVersion: v1
kind: Pod
metadata: {name: kube, labels: {app: web}}
spec:
  volumes:
  - {name: scratch, emptyDir: {}}
  containers:
  - name: web
    image: localhost/box:1
    command: [sh, -c, "touch /scratch/note; trap exit TERM; echo ready; while :; do sleep 0.05; done"]
    env: [{name: GREETING, value: hello}]
    volumeMounts: [{name: scratch, mountPath: /scratch}]
    resources: {limits: {memory: 64Mi, cpu: 500m}}
    securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
  - name: side
    image: localhost/box:1
    command: [sh, -c, "trap exit TERM; while :; do sleep 0.05; done"]
    securityContext: {runAsUser: 1000}
    volumeMounts: [{name: scratch, mountPath: /notes, readOnly: true}]
"""


def test_kube_play(podman):
    file = podman.machine.folder / "kube.yaml"
    file.write_text(KUBE)
    podman("kube", "play", file)
    podman.logged("kube-web", "ready")
    # Not what one wrote and the other sees: podman 4.3 may make the folder anew meanwhile, whatever the runtime.
    assert podman.out("exec", "kube-web", "sh", "-c", "echo $GREETING; mount | grep -c ' /scratch '").split() == [
        "hello", "1"]
    assert podman.out("exec", "kube-side", "sh", "-c", "id -u; touch /notes/x 2>/dev/null || echo refused").split() == [
        "1000", "refused"]
    assert "Read-only" in podman("exec", "kube-web", "touch", "/file", status=1).err
    status = podman.out("exec", "kube-web", "grep", "-E", "^(CapBnd|NoNewPrivs)", "/proc/self/status").split()
    assert status == ["CapBnd:", "0" * 16, "NoNewPrivs:", "1"]
    podman("kube", "down", file)
    assert podman.out("ps", "-a", "-q") == ""


def test_confinement_options(podman):
    script = "grep -E '^(CapEff|Seccomp|NoNewPrivs):' /proc/self/status; cat /proc/sys/kernel/shm_rmid_forced"
    options = ["--cap-drop", "all", "--cap-add", "chown", "--security-opt", "no-new-privileges", "--read-only",
               "--sysctl", "kernel.shm_rmid_forced=1"]
    assert podman.shell(script, *options).out.split() == [
        "CapEff:", f"{1:016x}", "NoNewPrivs:", "1", "Seccomp:", "2", "1"]
    profile = podman.machine.folder / "profile.json"
    profile.write_text(json.dumps({
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}],
    }))
    denied = podman.shell("mkdir /x", "--security-opt", f"seccomp={profile}", status=1)
    assert "No space left on device" in denied.err


def test_devices(podman):
    options = ["--device", "/dev/full:/dev/brim:rw", "--device-cgroup-rule", "c 1:7 rwm"]
    assert "No space left" in podman.shell("ls /dev/brim && echo x >/dev/brim", *options, status=1).err
    # The host's own devices, and the right to all.
    podman.shell("test -c /dev/fuse && test -c /dev/kmsg", "--privileged")


def test_namespaces_of_others(podman):
    podman.start("a", UNTIL_TERM, "--ipc=private")
    podman.logged("a", "ready")
    same = "for name in pid net ipc; do readlink /proc/self/ns/$name; done"
    inside = podman.out("exec", "a", "sh", "-c", same).split()
    joined = podman.shell(same, "--pid=container:a", "--net=container:a", "--ipc=private").out.split()
    assert joined[:2] == inside[:2] and joined[2] != inside[2]
    hosts = podman.machine.run("sh", "-c", same).out
    assert podman.shell(same, "--pid=host", "--net=host", "--ipc=host").out == hosts


def test_network_and_ports(podman):
    podman.start("a", f"httpd -p 80 -h /etc; {UNTIL_TERM}", "-p", "127.0.0.1:18080:80")
    podman.logged("a", "ready")
    fetch = ["busybox", "wget", "-q", "-O", "-", "http://127.0.0.1:18080/group"]
    assert "web:x:1000" in podman.machine.run(*fetch).out
    address = podman.inspect("a", "{{.NetworkSettings.IPAddress}}")
    assert "web:x:1000" in podman.shell(f"wget -q -O - http://{address}/group").out


def test_containers_in_parallel(podman):
    """Ten at once: each has its status, and none disturbs another."""
    command = ["podman", *podman.options, "run", "--rm", "--net", "none", BOX, "sh", "-c"]
    started = [podman.machine.spawn(*command, f"exit {number}") for number in range(10)]
    assert [process.wait() for process in started] == list(range(10))
    eventually("all are removed", lambda: podman.out("ps", "-a", "-q") == "")
