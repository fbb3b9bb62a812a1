# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Plugins that say no, hang, die, or send what is no message: what that does to pods, and that it does nothing else."""

import socket
import threading
import time

import grpc
import pytest
from engine import cri, eventually
from nri_plugin import Plugin, Refusal, environment, frame

Code = grpc.StatusCode


def refuse(text):
    def handler(_):
        raise Refusal(text)

    return handler


def gone(engine, word):
    """Waits until the engine's log tells that the plugin is out."""
    eventually(f"the log says {word}", lambda: word in engine.daemon_log())


def test_refusals_leave_nothing(engine, plugin_socket, refused):
    with Plugin(plugin_socket, RunPodSandbox=refuse("no pods today")) as plugin:
        with refused(Code.UNKNOWN, "10-tester", "no pods today", "RunPodSandbox"):
            engine.run_pod("refused")
        assert not engine.pods()
        engine.assert_clean()
        assert [name for name, _, _ in plugin.events] == ["RunPodSandbox", "StopPodSandbox", "RemovePodSandbox"]
        plugin.handlers.clear()
        pod, config = engine.run_pod("refused")
        plugin.handlers["CreateContainer"] = refuse("not this one")
        with refused(Code.UNKNOWN, "10-tester", "not this one"):
            engine.create(pod, config, "c", ["true"])
        assert not engine.containers()
        plugin.handlers.clear()
        container = engine.create(pod, config, "c", ["true"])
        plugin.handlers["StartContainer"] = refuse("it may not run")
        with refused(Code.UNKNOWN, "it may not run"):
            engine.start(container)
        status = engine.status(container)
        assert (status.state, status.reason) == (cri.CONTAINER_EXITED, "StartError")
        engine.stop_pod(pod)
        engine.remove_pod(pod)
    engine.assert_clean()


def test_a_daemon_that_dies_while_a_plugin_thinks(engine, plugin_socket):
    """Nobody was told that the pod is there, so the next daemon undoes it."""
    thinking, release = threading.Event(), threading.Event()

    def think(_):
        thinking.set()
        release.wait(60)

    with Plugin(plugin_socket, RunPodSandbox=think) as plugin:
        request = cri.RunPodSandboxRequest(config=engine.pod_config("forgotten"))
        answer = engine.runtime.RunPodSandbox.future(request, timeout=60)
        assert thinking.wait(60)
        engine.kill_daemon()
        release.set()
        assert answer.exception(timeout=60).code() == Code.UNAVAILABLE
        assert plugin.closed.wait(30)
    engine.start_daemon()
    assert not engine.pods()
    engine.assert_clean()
    pod, _ = engine.run_pod("forgotten")
    engine.remove_pod(pod)


def test_ends_cannot_be_refused(engine, plugin_socket):
    no = {name: refuse("stay") for name in ["StopContainer", "RemoveContainer", "StopPodSandbox", "RemovePodSandbox"]}
    with Plugin(plugin_socket, **no):
        pod, config = engine.run_pod("ends")
        engine.shell(pod, config, "c", "sleep 1000")
        engine.stop_pod(pod)
        engine.remove_pod(pod)
    engine.assert_clean()


def test_a_plugin_that_hangs_is_out(engine, plugin_socket, pod):
    release = threading.Event()
    with Plugin(plugin_socket, name="sleeper", CreateContainer=lambda _: release.wait(60) and None) as plugin:
        with Plugin(plugin_socket, name="other", index="20", CreateContainer=lambda _: environment(OTHER="1")):
            begin = time.monotonic()
            first = engine.shell(*pod, "first", "sleep 1000")
            assert 1.9 < time.monotonic() - begin < 30
            assert engine.exec(first, "sh", "-c", "echo $OTHER").stdout == b"1\n"
            gone(engine, '"10-sleeper" is out: no answer to CreateContainer')
            begin = time.monotonic()
            engine.create(*pod, "second", ["true"])
            assert time.monotonic() - begin < 1.9
            release.set()
            assert plugin.closed.wait(30)


def test_a_plugin_that_dies_is_out(engine, plugin_socket, pod):
    def die(_):
        plugin.socket.shutdown(socket.SHUT_RDWR)

    with Plugin(plugin_socket, name="mortal", CreateContainer=die) as plugin:
        engine.create(*pod, "c", ["true"])
        gone(engine, '"10-mortal" is out: it closed the connection')


MALFORMED = {
    "no such connection": (b"\0\0\0\7\0\0\0\1x", "there is no connection 7"),
    "a frame that is too long": (b"\0\0\0\2\x7f\0\0\0", "a frame of 2130706432 bytes"),
    "a message that is too long": (b"\0\0\0\2\0\0\0\n\0\x50\0\0\0\0\0\1\1\0", "a message of 5242880 bytes"),
    "a message of no type": (frame(2, 9, 1, b""), "a message of type 9"),
    "an answer that nobody asked for": (frame(1, 2, 99, b""), "answered what nobody asked"),
    "an answer that is none": (frame(2, 2, 1, b""), "a response where requests are expected"),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_frames(engine, plugin_socket, pod, case):
    data, words = MALFORMED[case]
    with Plugin(plugin_socket, name="good", index="20", CreateContainer=lambda _: environment(GOOD="1")):
        with Plugin(plugin_socket, name="bad") as bad:
            bad.send(data)
            assert bad.closed.wait(30)
            gone(engine, words)
            container = engine.shell(*pod, "c", "sleep 1000")
            assert engine.exec(container, "sh", "-c", "echo $GOOD").stdout == b"1\n"


def test_a_malformed_answer(engine, plugin_socket, pod):
    class Liar(Plugin):
        def send(self, data):
            # The payload of an answer is no message.
            broken = frame(1, 2, int.from_bytes(data[12:16]), b"\xff\xff\xff")
            super().send(broken if self.ready.is_set() and data[3] == 1 else data)

    with Liar(plugin_socket, name="liar") as liar:
        engine.create(*pod, "c", ["true"])
        assert liar.closed.wait(30)
        gone(engine, '"10-liar" is out: its answer is malformed')


def test_registration(engine, plugin_socket):
    for name, index in [("", "10"), ("a b", "10"), ("a", "1"), ("a", "x1")]:
        plugin = Plugin(plugin_socket, name=name, index=index)
        with pytest.raises(Refusal, match="no index and name"):
            plugin.register()
        plugin.close()
    # Who does not register is sent away, and may ask for nothing before.
    plugin = Plugin(plugin_socket)
    with pytest.raises(Refusal, match="not registered"):
        plugin.update()
    assert plugin.closed.wait(30)
    plugin.close()
