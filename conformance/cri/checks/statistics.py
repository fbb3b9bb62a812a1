# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Statistics, metrics, events, lists in parts."""

import threading

import grpc
from runtime.v1 import api_pb2 as cri
from suite.expect import equal, that
from suite.registry import check

Code = grpc.StatusCode
UNKNOWN = "f" * 64


@check
def of_a_container(case):
    """ContainerStats tells CPU, memory and what was written (api.proto, ContainerStats)."""
    container = case.shell(case.pod(), "while true; do true; done")
    first = case.call("ContainerStats", container_id=container).stats
    equal(first.attributes.id, container)

    def later():
        now = case.call("ContainerStats", container_id=container).stats
        return now if now.cpu.usage_core_nano_seconds.value > first.cpu.usage_core_nano_seconds.value else None

    stats = case.eventually("it uses CPU", later)
    that(stats.memory.working_set_bytes.value > 0, "no memory")
    case.eventually("the writable layer is measured", lambda: case.call(
        "ContainerStats", container_id=container).stats.writable_layer.timestamp)
    case.refused(Code.NOT_FOUND, lambda: case.call("ContainerStats", container_id=UNKNOWN))


@check
def of_containers(case):
    """ListContainerStats takes a pod and holds its running containers."""
    pod = case.pod()
    container = case.run(pod)
    stats = case.call("ListContainerStats", filter=cri.ContainerStatsFilter(pod_sandbox_id=pod[0])).stats
    equal([s.attributes.id for s in stats], [container])


@check
def of_a_pod(case):
    """PodSandboxStats tells CPU, memory, network and processes (api.proto, PodSandboxStats)."""
    pod = case.pod()
    case.run(pod)
    stats = case.call("PodSandboxStats", pod_sandbox_id=pod[0]).stats
    equal(stats.attributes.id, pod[0])
    that(stats.linux.memory.HasField("usage_bytes"), "no memory")
    that(stats.linux.network.default_interface.name, "no interface")
    case.refused(Code.NOT_FOUND, lambda: case.call("PodSandboxStats", pod_sandbox_id=UNKNOWN))


@check
def metrics(case):
    """Values of ListPodSandboxMetrics have the labels of ListMetricDescriptors (api.proto, Metric)."""
    pod = case.pod()
    container = case.run(pod)
    labels = {d.name: len(d.label_keys) for d in case.call("ListMetricDescriptors").descriptors}
    found = [p for p in case.call("ListPodSandboxMetrics").pod_metrics if p.pod_sandbox_id == pod[0]]
    equal([c.container_id for p in found for c in p.container_metrics], [container])
    for metric in [m for p in found for m in [*p.metrics, *(m for c in p.container_metrics for m in c.metrics)]]:
        equal(len(metric.label_values), labels[metric.name], metric.name)


@check
def events(case):
    """GetContainerEvents tells of creation, start, end and removal in this order (api.proto, ContainerEventResponse)."""
    call = case.client.runtime.GetContainerEvents(cri.GetEventsRequest())
    heard = []

    def collect():
        try:
            for event in call:
                heard.append(event)
        except grpc.RpcError:
            pass

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        pod = case.pod()
        case.eventually("an event comes", lambda: heard or (case.call(
            "RemoveContainer", container_id=case.create(pod)) and False), seconds=30)
        container = case.run(pod, ["true"], name="told")
        case.ended(container)
        case.call("RemoveContainer", container_id=container)

        def kinds():
            return [e.container_event_type for e in heard if e.container_id == container]

        case.eventually("four events", lambda: len(kinds()) >= 4, seconds=30)
        equal(kinds(), [cri.CONTAINER_CREATED_EVENT, cri.CONTAINER_STARTED_EVENT, cri.CONTAINER_STOPPED_EVENT,
                        cri.CONTAINER_DELETED_EVENT])
    finally:
        call.cancel()
        thread.join()


@check
def lists_in_parts(case):
    """The streaming lists hold what the lists hold, each item once (api.proto, Stream*)."""
    pod = case.pod()
    container = case.run(pod)
    streamed = case.client.runtime.StreamContainers(
        cri.StreamContainersRequest(filter=cri.ContainerFilter(pod_sandbox_id=pod[0])))
    equal([c.id for part in streamed for c in part.containers], [container])
    pods = case.client.runtime.StreamPodSandboxes(
        cri.StreamPodSandboxesRequest(filter=cri.PodSandboxFilter(id=pod[0])))
    equal([p.id for part in pods for p in part.pod_sandboxes], [pod[0]])
