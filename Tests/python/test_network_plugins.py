# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Networks of CNI 1.1, by a plugin that keeps what it gave away in files; and addresses that an administrator chose."""

import json
import pathlib
import subprocess
import time

import grpc
import pytest
from engine import cri, eventually

Code = grpc.StatusCode
PLUGINS = pathlib.Path(__file__).resolve().parent / "plugins"


class Network:
    """The network of the plugin `pairs`, instead of the engine's own."""

    def __init__(self, engine):
        self.engine, self.state = engine, engine.folder / "pairs"
        self.state.mkdir()
        (engine.folder / "skiff.toml.d").mkdir(exist_ok=True)
        dropin = engine.folder / "skiff.toml.d/plugins.toml"
        dropin.write_text(f'[cni]\nbin_dirs = ["/usr/lib/cni", "/opt/cni/bin", "{PLUGINS}"]\n')
        self.subnet = engine.env["SUBNET"]
        pair = {"type": "pairs", "subnet": self.subnet, "state": str(self.state)}
        self.write({"cniVersion": "1.1.0", "name": "pairs", "plugins": [pair]})

    def write(self, document):
        (self.engine.folder / "cni/10-pods.conflist").write_text(json.dumps(document))

    def leases(self):
        return {path.name: path.read_text() for path in self.state.glob("[0-9]*")}

    def calls(self, verb):
        lines = [json.loads(line) for line in (self.state / "calls").read_text().splitlines()]
        return [(owner, config) for name, owner, config in lines if name == verb]

    def condition(self):
        status = self.engine.runtime.Status(cri.StatusRequest(), timeout=60).status
        return next(c for c in status.conditions if c.type == "NetworkReady")


@pytest.fixture
def network(engine):
    before = (engine.folder / "cni/10-pods.conflist").read_text()
    one = Network(engine)
    engine.kill_daemon()
    engine.start_daemon()
    yield one
    subprocess.run(["rm", "-rf", one.state], check=True)
    (engine.folder / "cni/10-pods.conflist").write_text(before)


def interfaces():
    links = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, text=True, check=True).stdout)
    return {link["ifname"] for link in links if link["ifname"].startswith("skp")}


def test_a_network_says_that_it_cannot_serve(engine, network):
    assert network.condition().status
    (network.state / "away").touch()
    # What plugins say counts for some seconds.
    told = eventually("it is told", lambda: None if (c := network.condition()).status else c)
    assert told.reason == "NetworkPluginNotReady"
    assert "pairs" in told.message and "the switch is away" in told.message
    (network.state / "away").unlink()
    eventually("it serves again", lambda: network.condition().status)


def test_a_network_may_fail_for_a_while(engine, network):
    dropin = engine.folder / "skiff.toml.d/plugins.toml"
    dropin.write_text(dropin.read_text() + 'status_grace = "8s"\n')
    engine.kill_daemon()
    engine.start_daemon()
    assert network.condition().status
    start = time.monotonic()
    (network.state / "away").touch()
    eventually("it is told", lambda: not network.condition().status)
    # Without grace it is told when plugins are asked the next time, after five seconds.
    assert time.monotonic() - start >= 8
    (network.state / "away").unlink()
    eventually("it serves again", lambda: network.condition().status)


def test_what_nobody_uses_is_collected(engine, network):
    pod, _ = engine.run_pod("kept")
    address = engine.pod_status(pod).network.ip
    assert network.leases() == {address: f"{pod} eth0"}
    engine.kill_daemon()
    stale = network.subnet.replace(".0/24", ".200")
    (network.state / stale).write_text("a-pod-of-old eth0")
    engine.start_daemon()
    assert network.leases() == {address: f"{pod} eth0"}
    _, config = network.calls("GC")[-1]
    attachments = [{"containerID": pod, "ifname": "eth0"}]
    assert config["cni.dev/valid-attachments"] == config["cni.dev/attachments"] == attachments
    engine.stop_pod(pod)
    assert network.leases() == {}
    owner, config = network.calls("DEL")[-1]
    assert owner == f"{pod} eth0" and config["prevResult"]["ips"][0]["address"].startswith(address)
    engine.remove_pod(pod)
    engine.assert_clean()


def test_a_network_that_fails_leaves_nothing(engine, network, refused):
    before = interfaces()
    (network.state / "full").touch()
    with refused(Code.UNKNOWN, "pairs", "the switch has no port left"):
        engine.run_pod("failing")
    assert network.leases() == {} and interfaces() == before
    assert not engine.pods()
    engine.assert_clean()
    (network.state / "full").unlink()
    pod, _ = engine.run_pod("failing")
    engine.stop_pod(pod)
    engine.remove_pod(pod)
    engine.assert_clean()


def test_a_second_plugin_that_fails_undoes_the_first(engine, network, refused):
    before = interfaces()
    document = json.loads((engine.folder / "cni/10-pods.conflist").read_text())
    tuning = {"type": "tuning", "sysctl": {"net.no.such.thing": "1"}}
    network.write({**document, "cniVersion": "1.0.0", "plugins": [*document["plugins"], tuning]})
    with refused(Code.UNKNOWN, "tuning"):
        engine.run_pod("second")
    assert network.leases() == {} and interfaces() == before
    engine.assert_clean()


def test_addresses_of_the_administrator(engine):
    """Annotations choose the address and the hardware's; `bridge` and `host-local` take both."""
    path = engine.folder / "cni/10-pods.conflist"
    before = path.read_text()
    document = json.loads(before)
    document["plugins"][0]["capabilities"] = {"ips": True, "mac": True}
    path.write_text(json.dumps(document))
    address = engine.env["SUBNET"].replace(".0/24", ".77")
    annotations = {"ips.skiff.io": address, "mac.skiff.io": "0a:5c:1f:00:00:77"}
    pod, config = engine.run_pod("chosen", annotations=annotations)
    assert engine.pod_status(pod).network.ip == address
    assert engine.addresses() == [address]
    container = engine.shell(pod, config, "c", "sleep 1000")
    assert engine.exec(container, "cat", "/sys/class/net/eth0/address").stdout == b"0a:5c:1f:00:00:77\n"
    engine.stop_pod(pod)
    assert engine.addresses() == []
    engine.remove_pod(pod)
    path.write_text(before)
    engine.assert_clean()
