# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Spans of requests, as a collector gets them: a server of OTLP over gRPC that was made from the same proto file."""

import concurrent.futures
import json
import os
import signal
import socket
import threading
import time

import grpc
import pytest
from collector.trace.v1 import trace_service_pb2 as otlp
from collector.trace.v1 import trace_service_pb2_grpc as services
from engine import cri, eventually, is_zombie
from inspection import UnixConnection, metrics

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
RUNTIME = "runtime.v1.RuntimeService/"


class Collector(services.TraceServiceServicer):
    """Keeps the spans that it gets; while `refusal` is a gRPC code, it answers with that."""

    def __init__(self, address):
        self.lock = threading.Lock()
        self.received = []
        self.resources = []
        self.refusal = None
        self.calls = 0
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
        services.add_TraceServiceServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port(address)
        self.server.start()

    def Export(self, request, context):
        with self.lock:
            self.calls += 1
            if self.refusal:
                context.abort(self.refusal, "not now")
            for resource in request.resource_spans:
                self.resources.append({a.key: value(a) for a in resource.resource.attributes})
                for scope in resource.scope_spans:
                    self.received += scope.spans
        return otlp.ExportTraceServiceResponse()

    def spans(self, trace=None):
        with self.lock:
            return [s for s in self.received if trace is None or s.trace_id.hex() == trace]

    def wait_for(self, name, trace):
        def found():
            return next((s for s in self.spans(trace) if s.name == name), None)

        return eventually(f"a span \"{name}\"", found)

    def close(self):
        self.server.stop(None).wait()


def value(attribute):
    kind = attribute.value.WhichOneof("value")
    return getattr(attribute.value, kind)


def attributes(span):
    return {a.key: value(a) for a in span.attributes}


class Traced:
    """An engine and its collector, which is at the end of a socket so that it can come and go."""

    def __init__(self, engine):
        self.engine = engine
        self.address = engine.folder / "collector"
        self.collector = Collector(f"unix:{self.address}")

    def configure(self, samples, endpoint=None):
        folder = self.engine.folder / "skiff.toml.d"
        folder.mkdir(exist_ok=True)
        (folder / "traced.toml").write_text(
            f'[tracing]\nendpoint = "{endpoint or self.address}"\nsampling_rate_per_million = {samples}\n'
            f'[metrics]\nlisten = "{self.engine.folder}/metrics"\n')
        self.engine.kill_daemon()
        self.engine.start_daemon()
        self.engine.metrics = UnixConnection(self.engine.folder / "metrics")

    def metric(self, name):
        return metrics(self.engine.metrics)[f"skiff_tracing_{name}"]


@pytest.fixture(scope="module")
def traced(engine):
    one = Traced(engine)
    one.configure(0)
    yield one
    one.collector.close()


def parent(trace=TRACE, span=SPAN, flags="01"):
    return [("traceparent", f"00-{trace}-{span}-{flags}"), ("tracestate", "vendor=1")]


def fresh():
    return os.urandom(16).hex()


def test_a_request_goes_on_with_its_clients_trace(traced):
    began = time.time_ns()
    traced.engine.runtime.Version(cri.VersionRequest(), timeout=60, metadata=parent())
    span = traced.collector.wait_for(RUNTIME + "Version", TRACE)
    assert span.parent_span_id.hex() == SPAN and len(span.span_id) == 8 and span.span_id.hex() != SPAN
    assert span.kind == otlp.Span.SPAN_KIND_SERVER and span.trace_state == "vendor=1" and span.flags == 0x301
    assert attributes(span) == {
        "rpc.system": "grpc", "rpc.service": "runtime.v1.RuntimeService", "rpc.method": "Version",
        "rpc.grpc.status_code": 0,
    }
    assert span.status.code == otlp.Status.STATUS_CODE_UNSET
    assert began <= span.start_time_unix_nano <= span.end_time_unix_nano <= time.time_ns()
    resource = traced.collector.resources[-1]
    assert resource["service.name"] == "skiffd" and resource["host.name"] == socket.gethostname()
    assert resource["process.pid"] == traced.engine.daemon_pid()


def test_failures(traced):
    trace = fresh()
    with pytest.raises(grpc.RpcError):
        request = cri.ContainerStatusRequest(container_id="f" * 64)
        traced.engine.runtime.ContainerStatus(request, timeout=60, metadata=parent(trace))
    with pytest.raises(grpc.RpcError):
        traced.engine.runtime.CheckpointPod(cri.CheckpointPodRequest(), timeout=60, metadata=parent(trace))
    # What only the client did wrong is no failure of the server.
    span = traced.collector.wait_for(RUNTIME + "ContainerStatus", trace)
    assert attributes(span)["rpc.grpc.status_code"] == 5 and span.status.code == otlp.Status.STATUS_CODE_UNSET
    span = traced.collector.wait_for(RUNTIME + "CheckpointPod", trace)
    assert attributes(span)["rpc.grpc.status_code"] == 12 and span.status.code == otlp.Status.STATUS_CODE_ERROR
    assert span.status.message


def test_steps_are_below_their_request(traced):
    engine, trace = traced.engine, fresh()
    config = engine.pod_config("traced")
    call = {"timeout": 60, "metadata": parent(trace)}
    pod = engine.runtime.RunPodSandbox(cri.RunPodSandboxRequest(config=config), **call).pod_sandbox_id
    container = engine.runtime.CreateContainer(cri.CreateContainerRequest(
        pod_sandbox_id=pod, sandbox_config=config, config=cri.ContainerConfig(
            metadata=cri.ContainerMetadata(name="c"), image=cri.ImageSpec(image=engine.image),
            command=["sleep", "1000"])), **call).container_id
    engine.runtime.StartContainer(cri.StartContainerRequest(container_id=container), **call)
    engine.runtime.RemovePodSandbox(cri.RemovePodSandboxRequest(pod_sandbox_id=pod), **call)
    traced.collector.wait_for(RUNTIME + "RemovePodSandbox", trace)
    spans = {s.name: s for s in traced.collector.spans(trace)}
    steps = {
        "start monitor": "RunPodSandbox", "CNI ADD": "RunPodSandbox", "mount root file system": "CreateContainer",
        "skiffrun create": "CreateContainer", "skiffrun start": "StartContainer",
    }
    for name, request in steps.items():
        step, above = spans[name], spans[RUNTIME + request]
        assert step.parent_span_id == above.span_id and step.kind == otlp.Span.SPAN_KIND_INTERNAL, name
        assert above.parent_span_id.hex() == SPAN
        assert above.start_time_unix_nano <= step.start_time_unix_nano
    assert attributes(spans["CNI ADD"]) == {"network": "pods"}
    assert spans["CNI ADD"].end_time_unix_nano > spans["CNI ADD"].start_time_unix_nano


def test_layers_of_a_pull(traced):
    engine, trace = traced.engine, fresh()
    spec = cri.ImageSpec(image=engine.image)
    engine.images.RemoveImage(cri.RemoveImageRequest(image=spec), timeout=60)
    engine.images.PullImage(cri.PullImageRequest(image=spec), timeout=60, metadata=parent(trace))
    pull = traced.collector.wait_for("runtime.v1.ImageService/PullImage", trace)
    layers = [s for s in traced.collector.spans(trace) if s.name == "pull layer"]
    assert layers and all(s.parent_span_id == pull.span_id for s in layers)
    for layer in layers:
        assert attributes(layer)["digest"].startswith("sha256:") and attributes(layer)["size"] > 0


def quiet(traced, **call):
    """Whether a request leaves no span, though one after it does."""
    trace = fresh()
    before = len(traced.collector.spans())
    traced.engine.runtime.Version(cri.VersionRequest(), timeout=60, **call)
    traced.engine.runtime.Status(cri.StatusRequest(), timeout=60, metadata=parent(trace))
    traced.collector.wait_for(RUNTIME + "Status", trace)
    return len(traced.collector.spans()) == before + 1


def test_who_is_not_sampled(traced):
    assert quiet(traced)
    assert quiet(traced, metadata=parent(flags="00"))
    # What follows no form is no parent.
    assert quiet(traced, metadata=[("traceparent", "00-xyz")])


def test_all_are_sampled(traced):
    traced.configure(1_000_000)
    before = len(traced.collector.spans())
    traced.engine.runtime.Version(cri.VersionRequest(), timeout=60)
    traced.engine.runtime.Version(cri.VersionRequest(), timeout=60)

    def arrived():
        # The script that starts the daemon has asked for the version as well.
        return [s for s in traced.collector.spans()[before:] if s.name == RUNTIME + "Version"][-2:]

    one, two = eventually("both arrive", lambda: arrived() if len(arrived()) == 2 else None)
    assert not one.parent_span_id and not two.parent_span_id and one.trace_id != two.trace_id
    assert quiet(traced, metadata=parent(flags="00"))


def burst(traced, count, trace):
    def call(_):
        traced.engine.runtime.Version(cri.VersionRequest(), timeout=60, metadata=parent(trace))

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        list(pool.map(call, range(count)))


def test_a_collector_that_refuses_and_one_that_is_gone(traced):
    traced.configure(0)
    collector, trace = traced.collector, fresh()
    dropped = traced.metric("spans_dropped_total")
    with collector.lock:
        collector.refusal = grpc.StatusCode.INVALID_ARGUMENT
    traced.engine.runtime.Version(cri.VersionRequest(), timeout=60, metadata=parent(trace))
    eventually("what is refused is counted", lambda: traced.metric("spans_dropped_total") == dropped + 1)
    with collector.lock:
        collector.refusal = None
    collector.close()
    # More than there is room for: nobody waits, no request fails, and what is too much is counted.
    began = time.monotonic()
    burst(traced, 3000, trace)
    took = time.monotonic() - began
    eventually("some are dropped", lambda: traced.metric("spans_dropped_total") > dropped + 1)
    assert took < 60 and traced.metric("spans_dropped_total") < dropped + 1000
    # All this may have been faster than the first look of the one who sends.
    eventually("it is said", lambda: "collector cannot be reached" in traced.engine.daemon_log())
    # One that comes back gets what has waited.
    traced.address.unlink(missing_ok=True)
    traced.collector = Collector(f"unix:{traced.address}")
    eventually("what has waited arrives", lambda: len(traced.collector.spans(trace)) >= 2048)
    lost = traced.metric("spans_dropped_total") - dropped - 1
    eventually("none is lost that is not counted", lambda: len(traced.collector.spans(trace)) == 3000 - lost)


def test_what_waits_is_sent_at_the_end(traced):
    trace = fresh()
    traced.engine.runtime.Version(cri.VersionRequest(), timeout=60, metadata=parent(trace))
    daemon = traced.engine.daemon_pid()
    os.kill(daemon, signal.SIGTERM)
    traced.collector.wait_for(RUNTIME + "Version", trace)
    eventually("the daemon ends", lambda: is_zombie(daemon))
    traced.engine.start_daemon()


def test_a_trace_of_skiffctl(traced):
    collector = Collector("127.0.0.1:0")
    try:
        options = ["--enable-tracing", "--tracing-endpoint", f"127.0.0.1:{collector.port}"]
        assert json.loads(traced.engine.skiffctl(*options, "version", "-o", "json"))
        (command,) = [s for s in collector.spans() if s.name == "skiffctl version"]
        (request,) = [s for s in collector.spans() if s.name == RUNTIME + "Version"]
        assert not command.parent_span_id and request.parent_span_id == command.span_id
        assert request.kind == otlp.Span.SPAN_KIND_CLIENT
        answer = traced.collector.wait_for(RUNTIME + "Version", request.trace_id.hex())
        assert answer.parent_span_id == request.span_id and answer.kind == otlp.Span.SPAN_KIND_SERVER
        count = len(collector.spans())
        traced.engine.skiffctl(*options, "--tracing-sampling-rate-per-million", "0", "version")
        traced.engine.skiffctl("version")
        assert len(collector.spans()) == count
    finally:
        collector.close()
    # Nobody is there any more: the command does what it is to do all the same.
    assert traced.engine.skiffctl(*options, "version")
    assert "nowhere" in traced.engine.skiffctl("--enable-tracing", "--tracing-endpoint", "nowhere", "version", status=1)
