# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Plugins of the Node Resource Interface: what they are told, and when; those that the engine starts."""

import os
import pathlib
import socket
import stat
import sys
import threading
import time

import grpc
from engine import cri, eventually
from nri_plugin import Plugin, adjust, bits, nri

Code = grpc.StatusCode


def test_the_socket_is_roots(engine, plugin_socket):
    status = os.stat(plugin_socket)
    assert stat.S_ISSOCK(status.st_mode) and stat.S_IMODE(status.st_mode) == 0o600


def test_events_in_order(engine, plugin_socket):
    with Plugin(plugin_socket) as plugin:
        assert plugin.configuration.runtime_name == "skiff"
        assert plugin.configuration.request_timeout == 2000
        pod, config = engine.run_pod("events", labels={"a": "b"}, annotations={"c": "d"})
        container = engine.shell(pod, config, "c", "sleep 1000")
        resources = cri.LinuxContainerResources(cpu_shares=512)
        engine.runtime.UpdateContainerResources(
            cri.UpdateContainerResourcesRequest(container_id=container, linux=resources), timeout=60
        )
        engine.runtime.UpdatePodSandboxResources(
            cri.UpdatePodSandboxResourcesRequest(pod_sandbox_id=pod, resources=resources), timeout=60
        )
        engine.stop(container)
        engine.remove(container)
        engine.stop_pod(pod)
        engine.remove_pod(pod)
        assert plugin.names(pod, container) == [
            "RunPodSandbox", "CreateContainer", "ValidateContainerAdjustment", "PostCreateContainer",
            "StartContainer", "PostStartContainer", "UpdateContainer", "PostUpdateContainer", "UpdatePodSandbox",
            "PostUpdatePodSandbox", "StopContainer", "RemoveContainer", "StopPodSandbox", "RemovePodSandbox",
        ]
    engine.assert_clean()


def test_only_the_events_that_it_wants(engine, plugin_socket, pod):
    with Plugin(plugin_socket, events=bits(nri.CREATE_CONTAINER, nri.STOP_CONTAINER)) as plugin:
        container = engine.shell(*pod, "c", "exit 3")
        engine.wait_exit(container)
        # The end is told without anybody asking for it.
        eventually("the end is told", lambda: plugin.names(container) == ["CreateContainer", "StopContainer"])


def test_what_it_is_told(engine, plugin_socket):
    seen = {}
    handlers = {name: lambda message, name=name: seen.update({name: message}) for name in [
        "RunPodSandbox", "CreateContainer", "StopContainer",
    ]}
    with Plugin(plugin_socket, **handlers):
        pod, config = engine.run_pod("told", labels={"a": "b"}, annotations={"c": "d"})
        container = engine.shell(
            pod, config, "c", "exit 7", labels={"e": "f"}, annotations={"g": "h"},
            envs=[cri.KeyValue(key="ONE", value=b"1")],
            linux=cri.LinuxContainerConfig(resources=cri.LinuxContainerResources(cpu_shares=256)),
        )
        engine.wait_exit(container)
        eventually("the end is told", lambda: "StopContainer" in seen)
        told = seen["RunPodSandbox"].pod
        assert (told.id, told.name, told.namespace, told.uid) == (pod, "told", "test", "uid-told")
        assert (dict(told.labels), dict(told.annotations)) == ({"a": "b"}, {"c": "d"})
        assert list(told.ips) == [engine.pod_status(pod).network.ip] and told.runtime_handler == "skiffrun"
        told = seen["CreateContainer"].container
        assert (told.id, told.pod_sandbox_id, told.name) == (container, pod, "c")
        assert list(told.args) == ["sh", "-c", "exit 7"] and "ONE=1" in told.env and dict(told.labels) == {"e": "f"}
        assert told.annotations["g"] == "h" and told.linux.resources.cpu.shares.value == 256
        assert {mount.destination for mount in told.mounts} >= {"/proc", "/dev/shm", "/etc/hosts"}
        told = seen["StopContainer"].container
        assert (told.state, told.exit_code) == (nri.CONTAINER_STOPPED, 7)
        engine.stop_pod(pod)
        engine.remove_pod(pod)


def test_synchronize(engine, plugin_socket, pod):
    running = engine.shell(*pod, "running", "sleep 1000")
    made = engine.create(*pod, "made", ["true"])
    ended = engine.shell(*pod, "ended", "true")
    engine.wait_exit(ended)
    with Plugin(plugin_socket) as plugin:
        assert [p.id for p in plugin.synchronized.pods] == [pod[0]]
        states = {c.id: c.state for c in plugin.synchronized.containers}
        assert states == {running: nri.CONTAINER_RUNNING, made: nri.CONTAINER_CREATED}
        assert list(plugin.synchronized.containers[0].args)
    engine.kill_daemon()
    engine.start_daemon()
    with Plugin(plugin_socket) as plugin:
        assert {c.id for c in plugin.synchronized.containers} == {running, made}
        engine.remove(ended)
        engine.remove(running)
        assert plugin.names(ended, running) == ["RemoveContainer", "StopContainer", "RemoveContainer"]


def test_everything_is_seen_once(engine, plugin_socket, pod):
    """Plugins come while containers are made: each sees each container once, there already or being made."""
    made, plugins = [], []
    done = threading.Event()

    def create():
        for number in range(12):
            made.append(engine.create(*pod, f"c{number}", ["true"]))
        done.set()

    maker = threading.Thread(target=create)
    maker.start()
    while not done.is_set():
        plugins.append(Plugin(plugin_socket, name=f"p{len(plugins)}").register())
        time.sleep(0.05)
    maker.join()
    assert len(made) == 12
    for plugin in plugins:
        shown = [c.id for c in plugin.synchronized.containers]
        told = [container for name, _, container in plugin.events if name == "CreateContainer"]
        assert sorted(shown + told) == sorted(made)
        plugin.close()


def test_hidden_until_the_plugin_agrees(engine, plugin_socket):
    seen = {}

    def run(message):
        seen["pods"] = [p.id for p in engine.pods()]
        seen["pod"] = message.pod.id

    def create(message):
        seen["containers"] = [c.id for c in engine.containers()]
        seen["container"] = message.container.id

    def stop(message):
        seen["stopped"] = engine.pod_status(message.pod.id).state
        seen["ended"] = [c.state for c in engine.containers() if c.pod_sandbox_id == message.pod.id]

    with Plugin(plugin_socket, RunPodSandbox=run, CreateContainer=create, StopPodSandbox=stop):
        pod, config = engine.run_pod("hidden")
        container = engine.shell(pod, config, "c", "sleep 1000")
        assert seen["pod"] == pod and pod not in seen["pods"]
        assert seen["container"] == container and container not in seen["containers"]
        engine.stop_pod(pod)
        assert seen["stopped"] == cri.SANDBOX_NOTREADY and seen["ended"] == [cri.CONTAINER_EXITED]
        engine.remove_pod(pod)


PROGRAM = """#!{python}
import os, socket, sys
sys.path[:0] = {path!r}
from nri_plugin import Plugin, nri

connection = socket.socket(fileno=int(os.environ["NRI_PLUGIN_SOCKET"]))
def create(_):
    value = os.environ["NRI_PLUGIN_IDX"] + os.environ["NRI_PLUGIN_NAME"] + plugin.configuration.config
    return nri.CreateContainerResponse(
        adjust=nri.ContainerAdjustment(env=[nri.KeyValue(key="INSTALLED", value=value)])
    )
plugin = Plugin(connection, CreateContainer=create)
plugin.register()
plugin.reader.join()
"""


def test_installed_plugins_and_rules(engine, plugin_socket, pod, refused):
    folders = {name: engine.folder / name for name in ["plugins", "plugin-configs", "skiff.toml.d"]}
    for folder in folders.values():
        folder.mkdir()
    program = folders["plugins"] / "30-own"
    program.write_text(PROGRAM.format(python=sys.executable, path=[str(pathlib.Path(__file__).parent), *sys.path]))
    program.chmod(0o755)
    (folders["plugins"] / "not-a-plugin").write_text("")
    (folders["plugin-configs"] / "own.conf").write_text("-configured")
    drop_in = folders["skiff.toml.d"] / "nri.toml"
    rules = 'default_validator = true\nreject_oci_hook_adjustment = true\nrequired_plugins = ["own"]\n'
    settings = f'[nri]\nplugin_dir = "{folders["plugins"]}"\nplugin_config_dir = "{folders["plugin-configs"]}"\n' + rules
    drop_in.write_text(settings)

    def restart():
        engine.kill_daemon()
        engine.start_daemon()

    restart()
    container = engine.shell(*pod, "c", "sleep 1000")
    assert engine.exec(container, "sh", "-c", "echo $INSTALLED").stdout == b"30own-configured\n"
    hooks = nri.Hooks(poststop=[nri.Hook(path="/bin/true")])
    with Plugin(plugin_socket, name="hooker", CreateContainer=lambda _: adjust(hooks=hooks)):
        with refused(Code.UNKNOWN, "10-hooker", "hooks"):
            engine.create(*pod, "d", ["true"])
    # It does not outlive the daemon, and without it nothing is made.
    drop_in.write_text("[nri]\ndisable_connections = true\n" + rules)
    restart()
    eventually("the program ends", lambda: not processes(program))
    assert not os.path.exists(plugin_socket) or not listens(plugin_socket)
    with refused(Code.UNKNOWN, "own", "required"):
        engine.create(*pod, "d", ["true"])
    drop_in.unlink()
    restart()


def listens(path):
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(path) == 0


def processes(program):
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if str(program).encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found
