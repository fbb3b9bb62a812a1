# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Addresses, ports, and what is left of them."""

import socket
import subprocess
import urllib.request

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import equal, that
from suite.registry import check

Code = grpc.StatusCode


def page(address):
    try:
        return urllib.request.urlopen(f"http://{address}/", timeout=5).read()
    except OSError:
        return None


@check
def a_page_from_the_pods_address(case):
    """The address in PodSandboxStatus reaches the pod."""
    pod = case.pod()
    case.run(pod, [])
    address = case.pod_status(pod[0]).network.ip
    that(b"Hello" in case.eventually("the page comes", lambda: page(address)), "another page")


@check
def containers_share_the_address(case):
    """All containers of a pod have its network."""
    pod = case.pod()
    case.run(pod, [], name="web")
    other = case.run(pod, name="other")
    text = case.eventually("the page comes", lambda: case.exec(other, "wget", "-q", "-O", "-", "http://127.0.0.1/").stdout)
    that(b"Hello" in text, "another page")


@check
def host_ports(case):
    """A port of the node leads into the pod, and no longer after its end (api.proto, PortMapping)."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    pod = case.pod(port_mappings=[cri.PortMapping(host_port=port, container_port=80)])
    case.run(pod, [])
    address = case.pod_status(pod[0]).network.ip
    gateway = subprocess.run(["ip", "-4", "route", "get", address], capture_output=True, text=True, check=True)
    node = gateway.stdout.split("src ")[1].split()[0]
    case.eventually("the page comes", lambda: page(f"{node}:{port}"))
    case.call("StopPodSandbox", pod_sandbox_id=pod[0])
    equal(page(f"{node}:{port}"), None)


@check
def addresses_differ_and_come_back(case):
    """Two pods have two addresses; a stopped pod's namespace is gone."""
    one, two = case.pod("-1"), case.pod("-2")
    that(case.pod_status(one[0]).network.ip != case.pod_status(two[0]).network.ip, "one address for two pods")
