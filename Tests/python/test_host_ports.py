# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Ports of the node that lead into a pod: traffic of TCP, UDP and SCTP over IPv4 and IPv6, on one address or on all."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest
import sctp
from engine import cri, eventually

UDP_SERVER = """
import socket, sys
one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
one.bind(("::", int(sys.argv[1])))
print("ready", flush=True)
while True:
    data, peer = one.recvfrom(1000)
    one.sendto(b"back: " + data, peer)
"""
# Below the kernel's local ports.
PORT = 21000 + os.getpid() % 1000 * 3


@pytest.fixture(scope="module")
def node(engine):
    """A network with both families; the node's addresses on it."""
    path = engine.folder / "cni/10-pods.conflist"
    document = json.loads(path.read_text())
    ipam = document["plugins"][0]["ipam"]
    token = engine.env["SUBNET"].split(".")[2]
    ipam["ranges"].append([{"subnet": f"fd00:5c1f:{token}::/64"}])
    ipam["routes"].append({"dst": "::/0"})
    path.write_text(json.dumps(document))
    return engine.env["SUBNET"].replace(".0/24", ".1"), f"fd00:5c1f:{token}::1"


def mappings(host_ip=""):
    return [
        cri.PortMapping(host_port=PORT, container_port=80, host_ip=host_ip),
        cri.PortMapping(host_port=PORT + 1, container_port=53, protocol=cri.UDP, host_ip=host_ip),
        cri.PortMapping(host_port=PORT + 2, container_port=132, protocol=cri.SCTP, host_ip=host_ip),
    ]


class Servers:
    """What listens in a pod: the image's web server, and programs of ours in the pod's network namespace."""

    def __init__(self, engine, name, ports):
        self.engine = engine
        self.pod, config = engine.run_pod(name, port_mappings=ports)
        engine.launch(self.pod, config, "web", ["httpd", "-f", "-p", "[::]:80", "-h", "/www"])
        script = str(pathlib.Path(sctp.__file__).resolve())
        self.children = [self.inside("-c", UDP_SERVER, "53"), self.inside(script, "132"), self.inside(script, "132", "6")]
        for child in self.children:
            assert child.stdout.readline() == "ready\n"

    def inside(self, *arguments):
        namespace = f"{self.engine.folder}/run/ns/{self.pod}/net"
        return subprocess.Popen(
            ["nsenter", f"--net={namespace}", sys.executable, *arguments], stdout=subprocess.PIPE, text=True)

    def end(self):
        for child in self.children:
            child.send_signal(signal.SIGTERM)
            child.wait()
            child.stdout.close()


def page(address):
    host = f"[{address}]" if ":" in address else address
    try:
        return b"Hello" in urllib.request.urlopen(f"http://{host}:{PORT}/", timeout=2).read()
    except OSError:
        return False


def datagram(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as one:
        one.settimeout(2)
        try:
            one.connect((address, PORT + 1))
            one.send(b"over UDP")
            return one.recv(1000) == b"back: over UDP"
        except OSError:
            return False


def association(address):
    return sctp.ask(address, PORT + 2) == sctp.INIT_ACK


def served(address):
    return {"TCP": page(address), "UDP": datagram(address), "SCTP": association(address)}


ALL = {"TCP": True, "UDP": True, "SCTP": True}
NONE = {"TCP": False, "UDP": False, "SCTP": False}


def rules():
    """The packet filter's lines about these ports."""
    text = ""
    for command in ["iptables-save", "ip6tables-save"]:
        text += subprocess.run([command], capture_output=True, text=True, check=True).stdout
    return [line for line in text.splitlines() if any(str(PORT + offset) in line for offset in range(3))]


def test_traffic_of_all_kinds(engine, node):
    version = subprocess.run(["iptables", "--version"], capture_output=True, text=True, check=True).stdout
    assert "nf_tables" in version, version
    servers = Servers(engine, "all-kinds", mappings())
    try:
        # An address of IPv6 is tried out by the kernel for a second.
        for address in node:
            eventually("the server runs", lambda address=address: page(address))
        assert {address: served(address) for address in node} == {address: ALL for address in node}
        assert len(rules()) >= 6
        # Nothing of it is the daemon's.
        before = rules()
        engine.kill_daemon()
        assert served(node[0]) == ALL
        engine.start_daemon()
        assert rules() == before
        assert {address: served(address) for address in node} == {address: ALL for address in node}
    finally:
        servers.end()
        engine.stop_pod(servers.pod)
        engine.remove_pod(servers.pod)
    assert rules() == []
    assert {address: served(address) for address in node} == {address: NONE for address in node}
    engine.assert_clean()


@pytest.mark.parametrize("family", [0, 1])
def test_one_address_only(engine, node, family):
    subprocess.run(["ip", "address", "add", "192.0.2.77/32", "dev", engine.env["BRIDGE"]], check=False)
    subprocess.run(["ip", "address", "add", "2001:db8::77/128", "dev", engine.env["BRIDGE"], "nodad"], check=False)
    servers = Servers(engine, f"one-address-{family}", mappings(node[family]))
    try:
        eventually("the server runs", lambda: page(node[family]))
        others = [node[1 - family], ["192.0.2.77", "2001:db8::77"][family]]
        assert served(node[family]) == ALL
        assert {address: served(address) for address in others} == {address: NONE for address in others}
    finally:
        servers.end()
        engine.stop_pod(servers.pod)
        engine.remove_pod(servers.pod)
    assert rules() == []
    engine.assert_clean()


def test_two_pods_and_the_end_of_one(engine, node):
    """The ports of one pod go with it, and those of the other stay."""
    first = Servers(engine, "first", mappings("127.0.0.1"))
    other, config = engine.run_pod("other", port_mappings=[cri.PortMapping(host_port=PORT + 3, container_port=80)])
    engine.launch(other, config, "web", [])
    engine.kill_daemon()
    engine.start_daemon()
    first.end()
    engine.stop_pod(first.pod)
    engine.remove_pod(first.pod)
    assert rules() == []

    def answers():
        try:
            return b"Hello" in urllib.request.urlopen(f"http://{node[0]}:{PORT + 3}/", timeout=2).read()
        except OSError:
            return False

    eventually("the other's port still leads to it", answers)
    engine.stop_pod(other)
    engine.remove_pod(other)
    assert not answers()
    engine.assert_clean()
