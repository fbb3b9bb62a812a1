# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""What plugins may change of containers that are made, and of those that are there."""

import json

import grpc
from engine import cri
from nri_plugin import Plugin, adjust, environment, nri

Code = grpc.StatusCode


def spec(engine, container):
    request = cri.ContainerStatusRequest(container_id=container, verbose=True)
    return json.loads(engine.runtime.ContainerStatus(request, timeout=60).info["info"])["runtimeSpec"]


def cpu(shares):
    return nri.LinuxResources(cpu=nri.LinuxCPU(shares=nri.OptionalUInt64(value=shares)))


def update(container, resources, **fields):
    return nri.ContainerUpdate(
        container_id=container, linux=nri.LinuxContainerUpdate(resources=resources), **fields
    )


def test_adjustments(engine, plugin_socket, pod):
    shared = engine.folder / "shared"
    shared.mkdir(exist_ok=True)
    (shared / "file").write_text("from the plugin")
    wanted = adjust(
        env=[nri.KeyValue(key="ADDED", value="yes"), nri.KeyValue(key="-HOSTNAME")],
        annotations={"plugin.example/key": "value"},
        mounts=[nri.Mount(destination="/shared", type="bind", source=str(shared), options=["rbind", "ro"])],
        rlimits=[nri.POSIXRlimit(type="RLIMIT_NOFILE", soft=1000, hard=1100)],
        hooks=nri.Hooks(poststart=[nri.Hook(path="/bin/touch", args=["touch", str(shared / "hooked")])]),
        linux=nri.LinuxContainerAdjustment(
            devices=[nri.LinuxDevice(path="/dev/added", type="c", major=1, minor=3)],
            resources=nri.LinuxResources(
                cpu=nri.LinuxCPU(shares=nri.OptionalUInt64(value=300)), pids=nri.LinuxPids(limit=77),
                memory=nri.LinuxMemory(limit=nri.OptionalInt64(value=64 << 20)),
            ),
            oom_score_adj=nri.OptionalInt(value=555),
            sysctl={"net.ipv4.ip_unprivileged_port_start": "7"},
        ),
    )
    with Plugin(plugin_socket, CreateContainer=lambda _: wanted):
        container = engine.shell(*pod, "c", "sleep 1000")
    script = "echo $ADDED-$HOSTNAME; cat /shared/file; ulimit -n; cat /proc/self/oom_score_adj; echo x >/dev/added; stat -c %t,%T /dev/added"
    assert engine.exec(container, "sh", "-c", script).stdout.decode().splitlines() == [
        "yes-", "from the plugin1000", "555", "1,3",
    ]
    written = spec(engine, container)
    assert written["annotations"]["plugin.example/key"] == "value"
    assert written["linux"]["resources"]["pids"]["limit"] == 77
    assert (shared / "hooked").exists()
    resources = engine.status(container).resources.linux
    assert (resources.cpu_shares, resources.memory_limit_in_bytes) == (300, 64 << 20)


def test_arguments_and_removals(engine, plugin_socket, pod):
    wanted = adjust(
        args=["sleep", "2000"], mounts=[nri.Mount(destination="-/there")], env=[nri.KeyValue(key="-GONE")]
    )
    with Plugin(plugin_socket, CreateContainer=lambda _: wanted):
        container = engine.shell(
            *pod, "c", "exit 1", envs=[cri.KeyValue(key="GONE", value=b"1"), cri.KeyValue(key="KEPT", value=b"1")],
            mounts=[cri.Mount(container_path="/there", host_path=str(engine.folder / "there"))],
        )
    answer = engine.exec(container, "sh", "-c", "cat /proc/1/cmdline | tr '\\0' ' '; ls -d /there; env")
    text = answer.stdout.decode()
    assert "sleep 2000" in text and "/there" not in text and "GONE" not in text and "KEPT=1" in text


def test_what_cannot_be_done_is_refused(engine, plugin_socket, pod, refused):
    linux = nri.LinuxContainerAdjustment
    cases = [
        (linux(resources=nri.LinuxResources(blockio_class=nri.OptionalString(value="gold"))), "class of block I/O"),
        (linux(cgroups_path="/elsewhere"), "it is not below the pod's"),
        (linux(namespaces=[nri.LinuxNamespace(type="moon")]), "no kind of namespace"),
        (linux(seccomp_policy=nri.LinuxSeccomp(default_action="SCMP_ACT_DANCE")), "unknown action"),
    ]
    for wanted, words in cases:
        with Plugin(plugin_socket, CreateContainer=lambda _: adjust(linux=wanted)), refused(Code.UNKNOWN, words):
            engine.create(*pod, "c", ["true"])
    with Plugin(plugin_socket, CreateContainer=lambda _: adjust(CDI_devices=[nri.CDIDevice(name="no.example/thing=a")])):
        with refused(Code.INVALID_ARGUMENT, "no.example/thing=a"):
            engine.create(*pod, "c", ["true"])
    assert not engine.containers()


def test_a_cgroup_below_the_pods(engine, plugin_socket, pod):
    place = []

    def create(message):
        place.append(message.pod.linux.cgroups_path + "/own")
        return adjust(linux=nri.LinuxContainerAdjustment(cgroups_path=place[0]))

    with Plugin(plugin_socket, CreateContainer=create):
        container = engine.shell(*pod, "c", "sleep 1000")
    assert any(cgroup.endswith(place[0]) for cgroup in engine.cgroups())
    stats = engine.runtime.ContainerStats(cri.ContainerStatsRequest(container_id=container), timeout=60).stats
    assert stats.memory.usage_bytes.value > 0
    engine.remove(container)
    assert not any(cgroup.endswith("/own") for cgroup in engine.cgroups())


def test_several_plugins(engine, plugin_socket, pod, refused):
    seen = []

    def second(message):
        seen.extend(message.container.env)
        return environment(SECOND="2")

    # The later one connects first: indices count.
    with Plugin(plugin_socket, name="late", index="90", CreateContainer=second) as late:
        with Plugin(plugin_socket, name="early", index="05", CreateContainer=lambda _: environment(FIRST="1")):
            container = engine.shell(*pod, "c", "sleep 1000")
            assert "FIRST=1" in seen
            assert engine.exec(container, "sh", "-c", "echo $FIRST$SECOND").stdout == b"12\n"
        with Plugin(plugin_socket, name="rival", index="50", CreateContainer=lambda _: environment(SECOND="other")):
            with refused(Code.UNKNOWN, 'variable "SECOND"', "90-late", "50-rival"):
                engine.create(*pod, "d", ["true"])
        assert engine.create(*pod, "d", ["true"])
        late.handlers["CreateContainer"] = lambda _: nri.CreateContainerResponse()


def test_updates(engine, plugin_socket, pod, refused):
    first = engine.shell(*pod, "first", "sleep 1000")
    ended = engine.shell(*pod, "ended", "true")
    engine.wait_exit(ended)

    def shares():
        return engine.status(first).resources.linux.cpu_shares

    with Plugin(plugin_socket) as plugin:
        failed = plugin.update(
            update(first, cpu(321)), update(ended, cpu(2)), update("0" * 64, cpu(2), ignore_failure=True)
        )
        assert [f.container_id for f in failed] == [ended] and shares() == 321
        other = nri.CreateContainerResponse(update=[update(first, cpu(432))])
        plugin.handlers["CreateContainer"] = lambda _: other
        engine.create(*pod, "second", ["true"])
        assert shares() == 432
        other.update[0].container_id = ended
        with refused(Code.UNKNOWN, "update container", ended):
            engine.create(*pod, "third", ["true"])
        plugin.handlers["UpdateContainer"] = lambda message: nri.UpdateContainerResponse(
            update=[update(first, cpu(message.linux_resources.cpu.shares.value + 1))]
        )
        engine.runtime.UpdateContainerResources(
            cri.UpdateContainerResourcesRequest(
                container_id=first, linux=cri.LinuxContainerResources(cpu_shares=600)
            ),
            timeout=60,
        )
        assert shares() == 601
        plugin.handlers.clear()


def test_validation(engine, plugin_socket, pod, refused):
    seen = []

    def validate(message):
        seen.append(message)
        bad = any(pair.key == "BAD" for pair in message.adjust.env)
        return nri.ValidateContainerAdjustmentResponse(reject=bad, reason="BAD is bad")

    with Plugin(plugin_socket, name="judge", index="99", ValidateContainerAdjustment=validate):
        with Plugin(plugin_socket, name="setter", CreateContainer=lambda _: environment(BAD="1")) as setter:
            with refused(Code.UNKNOWN, "99-judge", "BAD is bad"):
                engine.create(*pod, "c", ["true"])
            setter.handlers["CreateContainer"] = lambda _: environment(GOOD="1")
            container = engine.create(*pod, "c", ["true"])
    assert [plugin.name for plugin in seen[0].plugins] == ["setter", "judge"]
    owners = seen[1].owners.owners[container].compound[nri.ENV].owners
    assert dict(owners) == {"GOOD": "10-setter"}
