# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The life of pods and containers as the CRI tells it, with each OCI runtime in turn."""

import json
import subprocess
import urllib.request

import grpc
import pytest
from engine import cri, eventually

pytestmark = pytest.mark.parametrize("engine", ["skiffrun", "crun", "runc"], indirect=True, scope="module")


def test_version_and_status(engine):
    version = engine.runtime.Version(cri.VersionRequest(version="v1"))
    assert version.runtime_name == "skiff"
    assert version.runtime_api_version == "v1"
    status = engine.runtime.Status(cri.StatusRequest(verbose=True))
    conditions = {c.type: c.status for c in status.status.conditions}
    assert conditions == {"RuntimeReady": True, "NetworkReady": True}
    assert {h.name for h in status.runtime_handlers} >= {"skiffrun", "crun", "runc"}
    assert json.loads(status.info["config"])
    runtime = engine.runtime.RuntimeConfig(cri.RuntimeConfigRequest())
    assert runtime.linux.cgroup_driver == cri.CGROUPFS


def test_serves_a_page_from_the_pods_address(engine, pod):
    identifier, config = pod
    engine.launch(identifier, config, "web", [])
    status = engine.pod_status(identifier)
    assert status.state == cri.SANDBOX_READY
    assert status.network.ip.startswith(engine.env["SUBNET"].rsplit(".", 1)[0])

    def page():
        try:
            return urllib.request.urlopen(f"http://{status.network.ip}/", timeout=5).read()
        except OSError:
            return None

    assert eventually("the page comes", page) == b"<h1>Hello from a pod</h1>\n"


def test_states_times_and_exit_codes(engine, pod):
    identifier, config = pod
    container = engine.create(identifier, config, "c", ["sh", "-c", "echo out; echo err >&2; exit 3"])
    created = engine.status(container)
    assert created.state == cri.CONTAINER_CREATED
    assert created.created_at > 0 and created.started_at == 0 and created.finished_at == 0
    engine.start(container)
    ended = engine.wait_exit(container)
    assert (ended.exit_code, ended.reason) == (3, "Error")
    assert ended.created_at <= ended.started_at <= ended.finished_at
    lines = engine.log(config.metadata.name, "c")
    assert sorted(lines) == [("stderr", "F", "err"), ("stdout", "F", "out")]
    engine.remove(container)
    with pytest.raises(grpc.RpcError) as error:
        engine.status(container)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


def test_completed(engine, pod):
    container = engine.launch(*pod, "c", ["true"])
    ended = engine.wait_exit(container)
    assert (ended.exit_code, ended.reason) == (0, "Completed")


def test_killed_by_a_signal(engine, pod):
    # Not from inside: PID 1 of a namespace is safe from its own signals.
    container = engine.shell(*pod, "c", "sleep 1000")
    engine.stop(container, timeout=0)
    assert engine.status(container).exit_code == 137


def test_stop_lets_the_container_end_itself(engine, pod):
    script = "trap 'echo bye; exit 5' TERM; echo ready; while true; do sleep 0.1; done"
    container = engine.shell(*pod, "c", script)
    eventually("it is ready", lambda: engine.log(pod[1].metadata.name, "c"))
    engine.stop(container, timeout=60)
    assert engine.status(container).exit_code == 5
    assert engine.log(pod[1].metadata.name, "c")[-1] == ("stdout", "F", "bye")


def test_stop_kills_after_the_grace_period(engine, pod):
    container = engine.shell(*pod, "c", "trap '' TERM; echo ready; while true; do sleep 0.1; done")
    eventually("it is ready", lambda: engine.log(pod[1].metadata.name, "c"))
    engine.stop(container, timeout=1)
    assert engine.status(container).exit_code == 137


def test_stop_and_remove_repeat(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    for _ in range(2):
        engine.stop(container, timeout=0)
    for _ in range(2):
        engine.remove(container)
    engine.stop(container)


def test_remove_forces(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    engine.remove(container)
    assert engine.runtime.ListContainers(
        cri.ListContainersRequest(filter=cri.ContainerFilter(pod_sandbox_id=pod[0]))
    ).containers == []


def test_exec(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    answer = engine.exec(container, "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (answer.stdout, answer.stderr, answer.exit_code) == (b"out\n", b"err\n", 7)
    big = engine.exec(container, "sh", "-c", "head -c 1000000 /dev/zero")
    assert len(big.stdout) == 1000000
    # Beyond 16 MiB the rest is dropped, and the command goes on.
    capped = engine.exec(container, "sh", "-c", "head -c 18000000 /dev/zero; echo done >&2")
    assert (len(capped.stdout), capped.stderr) == (16 << 20, b"done\n")


def test_exec_timeout_kills(engine, pod, refused):
    container = engine.shell(*pod, "c", "sleep 1000")
    with refused(grpc.StatusCode.DEADLINE_EXCEEDED, "1 s"):
        engine.exec(container, "sleep", "4242", timeout=1)
    assert b"4242" not in engine.exec(container, "ps").stdout


def test_exec_does_not_wait_for_the_background(engine, pod):
    container = engine.shell(*pod, "c", "sleep 1000")
    answer = engine.exec(container, "sh", "-c", "sleep 900 & echo started")
    assert answer.stdout == b"started\n"


def test_limits_reach_the_kernel(engine, pod):
    resources = cri.LinuxContainerResources(
        memory_limit_in_bytes=64 << 20, cpu_period=100000, cpu_quota=50000, cpu_shares=512
    )
    container = engine.shell(*pod, "c", "sleep 1000", linux=cri.LinuxContainerConfig(resources=resources))
    found = {}
    for folder in engine.cgroups():
        for name in ["memory.limit_in_bytes", "cpu.cfs_quota_us", "cpu.shares", "memory.max", "cpu.max"]:
            try:
                with open(f"{folder}/{name}") as file:
                    if container in folder:
                        found[name] = file.read().strip()
            except OSError:
                pass
    if "memory.max" in found:
        assert found["memory.max"] == str(64 << 20) and found["cpu.max"] == "50000 100000"
    else:
        assert found == {"memory.limit_in_bytes": str(64 << 20), "cpu.cfs_quota_us": "50000", "cpu.shares": "512"}


def test_out_of_memory_is_told(engine, pod):
    resources = cri.LinuxContainerResources(memory_limit_in_bytes=16 << 20)
    container = engine.shell(
        *pod, "c", "x=x; while true; do x=$x$x; done", linux=cri.LinuxContainerConfig(resources=resources)
    )
    ended = engine.wait_exit(container)
    assert (ended.exit_code, ended.reason) == (137, "OOMKilled")


def test_security_context(engine, pod):
    context = cri.LinuxContainerSecurityContext(
        run_as_user=cri.Int64Value(value=1000), no_new_privs=True, readonly_rootfs=True,
        capabilities=cri.Capability(drop_capabilities=["ALL"]),
        seccomp=cri.SecurityProfile(profile_type=cri.SecurityProfile.RuntimeDefault),
    )
    container = engine.shell(*pod, "c", "sleep 1000", linux=cri.LinuxContainerConfig(security_context=context))
    status = dict(
        line.split(":\t", 1) for line in engine.exec(container, "cat", "/proc/self/status").stdout.decode().splitlines()
    )
    assert status["CapEff"] == status["CapBnd"] == "0000000000000000"
    assert (status["Seccomp"].strip(), status["NoNewPrivs"]) == ("2", "1")
    # The user's groups come from the image's own files.
    assert engine.exec(container, "id").stdout == b"uid=1000(web) gid=1000(web) groups=1000(web),2000(extra)\n"
    assert engine.exec(container, "sh", "-c", "echo > /www/x").exit_code != 0
    assert engine.exec(container, "mount", "-t", "tmpfs", "x", "/tmp").exit_code != 0


def test_mounts_and_environment(engine, pod):
    data = engine.folder / "data"
    data.mkdir()
    (data / "file").write_text("from the host")
    container = engine.shell(
        *pod, "c", "sleep 1000",
        mounts=[cri.Mount(host_path=str(data), container_path="/data", readonly=True)],
        envs=[cri.KeyValue(key="COLOUR", value=b"blue"), cri.KeyValue(key="PATH", value=b"/bin:/extra")],
        working_dir="/etc",
    )
    assert engine.exec(container, "cat", "/data/file").stdout == b"from the host"
    assert engine.exec(container, "sh", "-c", "echo > /data/x").exit_code != 0
    answer = engine.exec(container, "sh", "-c", "echo $COLOUR $PATH; pwd").stdout.decode().splitlines()
    assert answer == ["blue /bin:/extra", "/etc"]


def test_two_containers_share_the_pods_namespaces(engine, pod):
    first = engine.shell(*pod, "one", "sleep 1000")
    second = engine.shell(*pod, "two", "sleep 1000")
    for kind in ["net", "ipc", "uts"]:
        one = engine.exec(first, "ls", "-l", f"/proc/self/ns/{kind}").stdout.split()[-1]
        assert one == engine.exec(second, "ls", "-l", f"/proc/self/ns/{kind}").stdout.split()[-1]
    for kind in ["mnt", "pid"]:
        one = engine.exec(first, "ls", "-l", f"/proc/self/ns/{kind}").stdout.split()[-1]
        assert one != engine.exec(second, "ls", "-l", f"/proc/self/ns/{kind}").stdout.split()[-1]


def test_shared_pid_namespace(engine):
    options = cri.NamespaceOption(pid=cri.POD)
    identifier, config = engine.run_pod(
        "shared-pid",
        linux=cri.LinuxPodSandboxConfig(
            security_context=cri.LinuxSandboxSecurityContext(namespace_options=options)
        ),
    )
    context = cri.LinuxContainerSecurityContext(namespace_options=options)
    linux = cri.LinuxContainerConfig(security_context=context)
    engine.shell(identifier, config, "one", "sleep 4321", linux=linux)
    second = engine.shell(identifier, config, "two", "sleep 1000", linux=linux)
    processes = engine.exec(second, "ps").stdout.decode()
    assert "sleep 4321" in processes
    assert "pause" in processes.splitlines()[1]
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)


def test_host_network_pod(engine):
    options = cri.NamespaceOption(network=cri.NODE)
    linux = cri.LinuxPodSandboxConfig(security_context=cri.LinuxSandboxSecurityContext(namespace_options=options))
    identifier, config = engine.run_pod("host-network", linux=linux)
    context = cri.LinuxContainerSecurityContext(namespace_options=options)
    container = engine.shell(
        identifier, config, "c", "sleep 1000", linux=cri.LinuxContainerConfig(security_context=context)
    )
    here = subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True).stdout.split()[-1]
    assert engine.exec(container, "ls", "-l", "/proc/self/ns/net").stdout.split()[-1] == here
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)


def test_terminal(engine, pod):
    container = engine.shell(*pod, "c", "test -t 1 && echo terminal; sleep 1000", tty=True, stdin=True)
    eventually("it writes", lambda: engine.log(pod[1].metadata.name, "c"))
    assert engine.log(pod[1].metadata.name, "c")[0][2].rstrip("\r") == "terminal"
    engine.stop(container, timeout=0)


def test_skiffctl_sees_the_same(engine, pod):
    container = engine.shell(*pod, "c", "echo hello; sleep 1000")
    assert container[:13] in engine.skiffctl("ps")
    assert pod[0][:13] in engine.skiffctl("pods")
    inspected = json.loads(engine.skiffctl("inspect", container[:9]))
    assert inspected["status"]["id"] == container
    assert inspected["status"]["state"] == "CONTAINER_RUNNING"
    eventually("it writes", lambda: engine.log(pod[1].metadata.name, "c"))
    assert engine.skiffctl("logs", container[:9]) == "hello\n"
    assert engine.skiffctl("exec", "-s", container[:9], "echo", "hi") == "hi\n"
