# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A plugin of the Node Resource Interface: ttrpc over the multiplexed connection, written from the formats."""

import itertools
import queue
import socket
import struct
import threading

from nri.v1alpha1 import api_pb2 as nri
from ttrpc import ttrpc_pb2 as ttrpc

PLUGIN, RUNTIME = 1, 2
REQUEST, RESPONSE = 1, 2
DEADLINE = 60

METHODS = {
    "Configure": (nri.ConfigureRequest, nri.ConfigureResponse),
    "Synchronize": (nri.SynchronizeRequest, nri.SynchronizeResponse),
    "CreateContainer": (nri.CreateContainerRequest, nri.CreateContainerResponse),
    "UpdateContainer": (nri.UpdateContainerRequest, nri.UpdateContainerResponse),
    "StopContainer": (nri.StopContainerRequest, nri.StopContainerResponse),
    "UpdatePodSandbox": (nri.UpdatePodSandboxRequest, nri.UpdatePodSandboxResponse),
    "StateChange": (nri.StateChangeEvent, nri.Empty),
    "ValidateContainerAdjustment": (
        nri.ValidateContainerAdjustmentRequest, nri.ValidateContainerAdjustmentResponse,
    ),
}


class Refusal(Exception):
    """What a handler raises to say no."""


def frame(channel, kind, stream, payload):
    message = struct.pack(">IIBB", len(payload), stream, kind, 0) + payload
    return struct.pack(">II", channel, len(message)) + message


def words(event):
    """RUN_POD_SANDBOX -> RunPodSandbox."""
    return "".join(part.capitalize() for part in nri.Event.Name(event).split("_"))


class Plugin:
    """Handlers are called by the method's or the event's name; what they return is the answer. Everything that is asked
    is in `events`, in order, as (name, id of the pod, id of the container)."""

    def __init__(self, connection, name="tester", index="10", events=0, **handlers):
        if isinstance(connection, str):
            path, connection = connection, socket.socket(socket.AF_UNIX)
            connection.connect(path)
        self.socket = connection
        self.name, self.index, self.wanted = name, index, events
        self.handlers = handlers
        self.events = []
        self.synchronized = nri.SynchronizeRequest()
        self.configuration = None
        self.streams = itertools.count(1, 2)
        self.answers = queue.Queue()
        self.ready = threading.Event()
        self.closed = threading.Event()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def register(self):
        """Registers, and waits until the engine has shown what is there."""
        self.call("RegisterPlugin", nri.RegisterPluginRequest(plugin_name=self.name, plugin_idx=self.index))
        assert self.ready.wait(DEADLINE), "the engine did not synchronize"
        return self

    def update(self, *updates):
        """Asks for changes; returns those that failed."""
        payload = self.call("UpdateContainers", nri.UpdateContainersRequest(update=updates))
        return nri.UpdateContainersResponse.FromString(payload).failed

    def call(self, method, message):
        request = ttrpc.Request(
            service="nri.pkg.api.v1alpha1.Runtime", method=method, payload=message.SerializeToString()
        )
        self.send(frame(RUNTIME, REQUEST, next(self.streams), request.SerializeToString()))
        response = self.answers.get(timeout=DEADLINE)
        if response.status.code:
            raise Refusal(response.status.message)
        return response.payload

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.reader.join(DEADLINE)
        self.socket.close()

    def __enter__(self):
        return self.register()

    def __exit__(self, *_):
        self.close()

    # The wire.

    def send(self, data):
        self.socket.sendall(data)

    def receive(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def read(self):
        streams = {PLUGIN: b"", RUNTIME: b""}
        try:
            while True:
                channel, length = struct.unpack(">II", self.receive(8))
                streams[channel] += self.receive(length)
                while len(streams[channel]) >= 10:
                    size, stream, kind, _ = struct.unpack(">IIBB", streams[channel][:10])
                    if len(streams[channel]) < 10 + size:
                        break
                    payload = streams[channel][10 : 10 + size]
                    streams[channel] = streams[channel][10 + size :]
                    self.take(channel, kind, stream, payload)
        except (EOFError, OSError):
            self.closed.set()

    def take(self, channel, kind, stream, payload):
        if channel == RUNTIME:
            assert kind == RESPONSE
            return self.answers.put(ttrpc.Response.FromString(payload))
        assert kind == REQUEST
        request = ttrpc.Request.FromString(payload)
        assert request.service == "nri.pkg.api.v1alpha1.Plugin"
        asked, _ = METHODS[request.method]
        response = ttrpc.Response()
        try:
            answer = self.answer(request.method, asked.FromString(request.payload))
            response.payload = answer.SerializeToString()
        except Refusal as error:
            response.status.code, response.status.message = 2, str(error)
        self.send(frame(PLUGIN, RESPONSE, stream, response.SerializeToString()))
        if request.method == "Synchronize" and not self.synchronized.more:
            self.ready.set()

    def answer(self, method, message):
        default = METHODS[method][1]()
        if method == "Configure":
            self.configuration = message
            return nri.ConfigureResponse(events=self.wanted)
        if method == "Synchronize":
            self.synchronized.MergeFrom(message)
            self.synchronized.more = message.more
            default.more = message.more
            handler = self.handlers.get(method)
            return handler(message) if handler else default
        name = words(message.event) if method == "StateChange" else method
        self.events.append((name, message.pod.id, getattr(message, "container", nri.Container()).id))
        handler = self.handlers.get(name)
        return (handler(message) if handler else None) or default

    def names(self, *ids):
        """The events of these pods and containers, by name."""
        return [name for name, pod, container in self.events if (container or pod) in ids]


def bits(*events):
    """The mask that asks for these events."""
    return sum(1 << (event - 1) for event in events)


def adjust(**fields):
    """An answer to CreateContainer."""
    return nri.CreateContainerResponse(adjust=nri.ContainerAdjustment(**fields))


def environment(**variables):
    """One that sets variables."""
    return adjust(env=[nri.KeyValue(key=key, value=value) for key, value in variables.items()])
