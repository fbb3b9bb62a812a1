# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Networks: ports of the host, configurations that come and go, ranges told by kubelet, addresses after a crash."""

import json
import os
import signal
import socket
import subprocess
import threading
import urllib.request

import grpc
import pytest
from engine import cri, eventually

Code = grpc.StatusCode


@pytest.fixture
def folder(engine):
    """The folder of network configurations; as before afterwards."""
    path = engine.folder / "cni"
    before = {file: file.read_text() for file in path.iterdir()}
    yield path
    for file in path.iterdir():
        file.unlink()
    for file, text in before.items():
        file.write_text(text)


def conflist(engine):
    return json.loads((engine.folder / "cni/10-pods.conflist").read_text())


def write(file, document):
    file.write_text(json.dumps(document))


def use_plugins(engine, folder):
    """Has plugins looked for in the folder, too."""
    dropin = engine.folder / "skiff.toml.d"
    dropin.mkdir(exist_ok=True)
    (dropin / "plugins.toml").write_text(f'[cni]\nbin_dirs = ["/usr/lib/cni", "/opt/cni/bin", "{folder}"]\n')
    engine.kill_daemon()
    engine.start_daemon()


def rules():
    """What portmap may leave: lines that name a pod's chain."""
    text = ""
    for command in ["iptables-save", "ip6tables-save"]:
        text += subprocess.run([command], capture_output=True, text=True).stdout
    return [line for line in text.splitlines() if "CNI-DN" in line]


def condition(engine):
    status = engine.runtime.Status(cri.StatusRequest(), timeout=60).status
    return next(c for c in status.conditions if c.type == "NetworkReady")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.mark.parametrize("has_portmap", [True, False])
def test_host_ports(engine, folder, has_portmap):
    # A network whose administrator forgot portmap gets it when a pod has host ports.
    document = conflist(engine)
    if not has_portmap:
        document["plugins"] = document["plugins"][:1]
        write(folder / "10-pods.conflist", document)
    before = rules()
    port, udp = free_port(), free_port(socket.SOCK_DGRAM)
    identifier, config = engine.run_pod(
        f"ports-{has_portmap}".lower(),
        port_mappings=[
            cri.PortMapping(host_port=port, container_port=80, host_ip="127.0.0.1"),
            cri.PortMapping(host_port=udp, container_port=53, protocol=cri.UDP),
        ],
    )
    engine.launch(identifier, config, "web", [])

    def page():
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5).read()
        except OSError:
            return None

    assert eventually("the page comes", page) == b"<h1>Hello from a pod</h1>\n"
    mine = [line for line in rules() if line not in before]
    assert any(f"--dport {udp}" in line and "udp" in line for line in mine)
    assert any(f"--dport {port}" in line and "127.0.0.1" in line for line in mine)
    engine.stop_pod(identifier)
    assert not [line for line in rules() if str(port) in line or str(udp) in line or identifier[:20] in line]
    engine.remove_pod(identifier)
    engine.assert_clean()


@pytest.mark.parametrize(
    "mapping, words",
    [
        (cri.PortMapping(host_port=70000, container_port=80), ["70000", "1 to 65535"]),
        (cri.PortMapping(host_port=8080, container_port=0), ["0", "1 to 65535"]),
        (cri.PortMapping(host_port=8080, container_port=80, host_ip="nowhere"), ["nowhere", "IP address"]),
    ],
)
def test_bad_ports(engine, refused, mapping, words):
    with refused(Code.INVALID_ARGUMENT, *words):
        engine.run_pod("bad-port", port_mappings=[mapping])
    engine.assert_clean()


def test_status_tells_why_there_is_no_network(engine, folder, refused):
    document = conflist(engine)
    (folder / "10-pods.conflist").unlink()
    told = condition(engine)
    assert (told.status, told.reason) == (False, "NetworkPluginNotReady")
    assert str(folder) in told.message
    with refused(Code.UNAVAILABLE, str(folder)):
        engine.run_pod("no-network")
    (folder / "10-pods.conflist").write_text("{")
    assert "10-pods.conflist" in condition(engine).message
    missing = dict(document, plugins=[{"type": "no-such-plugin"}])
    write(folder / "10-pods.conflist", missing)
    assert "no-such-plugin" in condition(engine).message
    # A second file is good, and the first one's defect does not hide it.
    (folder / "10-pods.conflist").write_text("{")
    write(folder / "20-pods.conflist", document)
    assert condition(engine).status
    # It is there at once, without a restart.
    identifier, _ = engine.run_pod("second-file")
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    engine.assert_clean()


def test_two_families(engine, folder):
    document = conflist(engine)
    ipam = document["plugins"][0]["ipam"]
    ipam["ranges"].append([{"subnet": "fd00:5c1f:" + engine.env["SUBNET"].split(".")[2] + "::/64"}])
    ipam["routes"].append({"dst": "::/0"})
    write(folder / "10-pods.conflist", document)
    identifier, config = engine.run_pod("two-families")
    network = engine.pod_status(identifier).network
    assert network.ip.startswith("10.213.")
    assert [a.ip.startswith("fd00:5c1f:") for a in network.additional_ips] == [True]
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    engine.assert_clean()


def test_arguments_reach_the_plugins(engine, folder):
    """A plugin at the end of the chain writes down what it is given, and passes the result on."""
    document = conflist(engine)
    plugins, log = engine.folder / "plugins", engine.folder / "given"
    plugins.mkdir(exist_ok=True)
    recorder = plugins / "recorder"
    recorder.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\ngiven = json.load(sys.stdin)\n"
        f"open({str(log)!r}, 'a').write(os.environ['CNI_COMMAND'] + ' ' + json.dumps(given) + '\\n')\n"
        "if os.environ['CNI_COMMAND'] == 'ADD': json.dump(given['prevResult'], sys.stdout)\n"
    )
    recorder.chmod(0o755)
    names = ["portMappings", "bandwidth", "dns", "ips", "mac", "ipRanges", "io.kubernetes.cri.pod-annotations"]
    document["plugins"].append({"type": "recorder", "capabilities": {name: True for name in names}})
    write(folder / "10-pods.conflist", document)
    use_plugins(engine, plugins)
    annotations = {
        "kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "1Gi",
        "ips.skiff.io": "10.1.2.3/24,fd00::3/64", "mac.skiff.io": "0a:00:00:00:00:01",
        "ip-ranges.skiff.io": '[[{"subnet": "10.1.0.0/16"}]]',
    }
    identifier, _ = engine.run_pod(
        "arguments", annotations=annotations, dns_config=cri.DNSConfig(servers=["192.0.2.1"], searches=["a.example"])
    )
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    verbs = [line.split(" ", 1) for line in log.read_text().splitlines()]
    assert [verb for verb, _ in verbs] == ["ADD", "DEL"]
    given = json.loads(verbs[0][1])["runtimeConfig"]
    assert given["bandwidth"]["ingressRate"] == 10_000_000 and given["bandwidth"]["egressRate"] == 1 << 30
    assert given["ips"] == ["10.1.2.3/24", "fd00::3/64"] and given["mac"] == "0a:00:00:00:00:01"
    assert given["ipRanges"] == [[{"subnet": "10.1.0.0/16"}]]
    assert given["dns"] == {"servers": ["192.0.2.1"], "searches": ["a.example"], "options": []}
    assert given["io.kubernetes.cri.pod-annotations"] == annotations
    assert json.loads(verbs[1][1])["runtimeConfig"] == given
    engine.assert_clean()


def test_a_range_from_kubelet(engine, folder, refused):
    template = engine.folder / "template.json"
    subnet = engine.env["SUBNET"]
    document = conflist(engine)
    document["plugins"][0]["ipam"].update(ranges="RANGES", routes="ROUTES")
    template.write_text(
        json.dumps(document).replace('"RANGES"', "{{.PodCIDRRanges}}").replace('"ROUTES"', "{{.Routes}}")
    )
    dropin = engine.folder / "skiff.toml.d"
    dropin.mkdir(exist_ok=True)
    (dropin / "template.toml").write_text(f'[cni]\nconf_template = "{template}"\n')
    engine.kill_daemon()
    engine.start_daemon()
    (folder / "10-pods.conflist").unlink()
    assert not condition(engine).status

    def tell(cidr):
        config = cri.RuntimeConfig(network_config=cri.NetworkConfig(pod_cidr=cidr))
        engine.runtime.UpdateRuntimeConfig(cri.UpdateRuntimeConfigRequest(runtime_config=config), timeout=60)

    tell("")
    assert not condition(engine).status
    with refused(Code.INVALID_ARGUMENT, "nonsense"):
        tell("nonsense")
    tell(f"{subnet},fd00:5c1f::/64")
    assert condition(engine).status
    written = json.loads((folder / "10-skiff.conflist").read_text())["plugins"][0]["ipam"]
    assert written["ranges"] == [[{"subnet": subnet}], [{"subnet": "fd00:5c1f::/64"}]]
    assert written["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
    identifier, _ = engine.run_pod("from-kubelet")
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    engine.assert_clean()


def test_addresses_are_released_after_a_crash(engine):
    """As after a reboot: no process and no namespace is left, and nobody has asked for the pod's end yet."""
    identifier, config = engine.run_pod("crash")
    engine.shell(identifier, config, "c", "sleep 1000")
    assert engine.addresses()
    monitor = engine.monitor_pid(identifier)
    engine.kill_daemon()
    os.kill(monitor, signal.SIGKILL)
    for path in [m for m in engine.mounts() if "/ns/" in m]:
        subprocess.run(["umount", path], check=True)
    engine.start_daemon()
    eventually("the address is free", lambda: not engine.addresses())
    assert engine.pod_status(identifier).state == cri.SANDBOX_NOTREADY
    engine.stop_pod(identifier)
    engine.remove_pod(identifier)
    engine.assert_clean()


def test_a_plugin_outlives_its_daemon(engine, folder):
    """The daemon is killed while a plugin gives its pod an address, and the next one takes the pod away: only when
    the plugin has ended, or the address would be nobody's for ever."""
    plugins = engine.folder / "late"
    plugins.mkdir(exist_ok=True)
    begun, ended = plugins / "begun", plugins / "ended"
    late = plugins / "late-local"
    late.write_text(
        "#!/bin/sh\n"
        f'[ "$CNI_COMMAND" = ADD ] || exec /usr/lib/cni/host-local\n: > {begun}\nsleep 3\n'
        f"/usr/lib/cni/host-local\n: > {ended}\n"
    )
    late.chmod(0o755)
    document = conflist(engine)
    document["plugins"][0]["ipam"]["type"] = "late-local"
    write(folder / "10-pods.conflist", document)
    use_plugins(engine, plugins)
    refusals = []

    def run():
        try:
            engine.run_pod("late")
        except grpc.RpcError as error:
            refusals.append(error.code())

    asking = threading.Thread(target=run)
    asking.start()
    eventually("the plugin is at work", begun.exists)
    engine.kill_daemon()
    asking.join()
    assert refusals == [Code.UNAVAILABLE]
    engine.start_daemon()
    eventually("the plugin has ended", ended.exists)
    engine.assert_clean()
    assert not list((engine.folder / "lib/cni").iterdir())
