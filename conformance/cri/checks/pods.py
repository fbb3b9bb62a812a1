# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Pods: life, names, idempotence, lists."""

import os

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import contains, equal, lacks, that
from suite.registry import check

Code = grpc.StatusCode
UNKNOWN = "f" * 64


@check
def status_of_a_ready_pod(case):
    """PodSandboxStatus repeats metadata, labels and annotations, and tells state, time and address."""
    identifier, config = case.pod(labels={"a": "b"}, annotations={"c": "d"})
    status = case.pod_status(identifier)
    equal(status.state, cri.SANDBOX_READY)
    equal(status.metadata, config.metadata)
    equal(dict(status.labels), {"a": "b"})
    equal(dict(status.annotations), {"c": "d"})
    that(status.created_at > 0, "no time")
    that(status.network.ip, "no address")


@check
def running_twice_is_the_same_pod(case):
    """RunPodSandbox of a ready pod's name answers with that pod (kubelet repeats what it did not hear the answer of)."""
    identifier, _ = case.pod()
    equal(case.pod()[0], identifier)


@check
def another_attempt_is_another_pod(case):
    """The attempt is part of a pod's name (api.proto, PodSandboxMetadata)."""
    that(case.pod()[0] != case.pod(attempt=1)[0], "one pod for two attempts")


@check
def a_stopped_pod_is_not_ready(case):
    """StopPodSandbox ends the pod's containers and leaves it listed as not ready; it may be repeated."""
    pod = case.pod()
    container = case.run(pod)
    for _ in range(2):
        case.call("StopPodSandbox", pod_sandbox_id=pod[0])
    equal(case.pod_status(pod[0]).state, cri.SANDBOX_NOTREADY)
    equal(case.status(container).state, cri.CONTAINER_EXITED)


@check
def nothing_is_made_in_a_stopped_pod(case):
    """CreateContainer in a stopped pod fails."""
    pod = case.pod()
    case.call("StopPodSandbox", pod_sandbox_id=pod[0])
    case.refused((Code.FAILED_PRECONDITION, Code.UNKNOWN), lambda: case.create(pod))


@check
def removing_takes_the_containers_along(case):
    """RemovePodSandbox removes running containers with the pod; it may be repeated (api.proto, RemovePodSandbox)."""
    pod = case.pod()
    container = case.run(pod)
    for _ in range(2):
        case.call("RemovePodSandbox", pod_sandbox_id=pod[0])
    case.refused(Code.NOT_FOUND, lambda: case.status(container))
    case.refused(Code.NOT_FOUND, lambda: case.pod_status(pod[0]))


@check
def a_name_is_free_after_removal(case):
    """A removed pod's name can be used again."""
    first, _ = case.pod()
    case.call("StopPodSandbox", pod_sandbox_id=first)
    case.call("RemovePodSandbox", pod_sandbox_id=first)
    that(case.pod()[0] != first, "the same id")


@check
def unknown_pods(case):
    """Status of an unknown pod is NotFound; stopping and removing it is right; a list with its id is empty."""
    case.refused(Code.NOT_FOUND, lambda: case.pod_status(UNKNOWN))
    case.call("StopPodSandbox", pod_sandbox_id=UNKNOWN)
    case.call("RemovePodSandbox", pod_sandbox_id=UNKNOWN)
    equal(len(case.call("ListPodSandbox", filter=cri.PodSandboxFilter(id=UNKNOWN)).items), 0)


@check
def lists_are_filtered(case):
    """ListPodSandbox takes id, state and labels together (api.proto, PodSandboxFilter)."""
    one, _ = case.pod("-1", labels={"case": case.name, "n": "1"})
    two, _ = case.pod("-2", labels={"case": case.name, "n": "2"})
    case.call("StopPodSandbox", pod_sandbox_id=two)

    def ids(**fields):
        return {p.id for p in case.call("ListPodSandbox", filter=cri.PodSandboxFilter(**fields)).items}

    equal(ids(label_selector={"case": case.name}), {one, two})
    equal(ids(label_selector={"case": case.name, "n": "1"}), {one})
    equal(ids(id=one), {one})
    equal(ids(id=one[:16]), {one})
    ready = cri.PodSandboxStateValue(state=cri.SANDBOX_READY)
    equal(ids(label_selector={"case": case.name}, state=ready), {one})
    equal(ids(id=two, state=ready), set())


@check
def bad_requests_are_refused(case):
    """A pod without metadata, and one of an unknown handler, are refused and leave nothing behind."""
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN),
                 lambda: case.call("RunPodSandbox", config=cri.PodSandboxConfig()))
    config = case.pod_config()
    case.refused((Code.INVALID_ARGUMENT, Code.UNKNOWN, Code.NOT_FOUND),
                 lambda: case.call("RunPodSandbox", config=config, runtime_handler="no-such-handler"))
    lacks([p.metadata.name for p in case.call("ListPodSandbox").items], config.metadata.name)


@check
def host_name_and_resolver(case):
    """The pod's host name and DNS reach its containers (api.proto, PodSandboxConfig)."""
    dns = cri.DNSConfig(servers=["192.0.2.7"], searches=["one.example", "two.example"], options=["ndots:4"])
    pod = case.pod(hostname="a-name", dns_config=dns)
    container = case.run(pod)
    equal(case.output(container, "hostname"), "a-name")
    lines = case.output(container, "cat /etc/resolv.conf").splitlines()
    equal(sorted(lines), ["nameserver 192.0.2.7", "options ndots:4", "search one.example two.example"])


@check
def safe_sysctls(case):
    """Parameters of the pod's own namespaces are set (api.proto, LinuxPodSandboxConfig.sysctls)."""
    sysctls = {"kernel.shm_rmid_forced": "1", "fs.mqueue.msg_max": "100", "net.ipv4.ip_local_port_range": "1024 65000"}
    container = case.run(case.pod(linux=cri.LinuxPodSandboxConfig(sysctls=sysctls)))
    equal(case.output(container, "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/fs/mqueue/msg_max").split(), ["1", "100"])
    equal(case.output(container, "cat /proc/sys/net/ipv4/ip_local_port_range").split(), ["1024", "65000"])


@check
def the_log_directory_is_made(case):
    """RunPodSandbox makes the log directory (api.proto, PodSandboxConfig.log_directory)."""
    _, config = case.pod()
    that(os.path.isdir(config.log_directory), "no directory")


@check
def host_network(case):
    """A pod on the node's network has the node's interfaces."""
    options = cri.NamespaceOption(network=cri.NODE)
    context = cri.LinuxSandboxSecurityContext(namespace_options=options)
    pod = case.pod(hostname="", linux=cri.LinuxPodSandboxConfig(security_context=context))
    linux = cri.LinuxContainerConfig(security_context=cri.LinuxContainerSecurityContext(namespace_options=options))
    container = case.run(pod, linux=linux)
    equal(case.output(container, "ls -l /proc/self/ns/net").split()[-1], os.readlink("/proc/self/ns/net"))


@check
def shared_processes(case):
    """With the pod's PID mode containers see each other's processes (api.proto, NamespaceMode)."""
    options = cri.NamespaceOption(pid=cri.POD)
    context = cri.LinuxSandboxSecurityContext(namespace_options=options)
    pod = case.pod(linux=cri.LinuxPodSandboxConfig(security_context=context))
    linux = cri.LinuxContainerConfig(security_context=cri.LinuxContainerSecurityContext(namespace_options=options))
    case.run(pod, ["sleep", "4321"], name="one", linux=linux)
    two = case.run(pod, name="two", linux=linux)
    contains(case.output(two, "ps"), "sleep 4321")
