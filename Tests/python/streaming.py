# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""URLs of the streaming server, and much that is carried over them."""

import hashlib
import os
import threading

from engine import cri

# What is carried with a checksum, in MiB; the whole GiB takes minutes.
SIZE = int(os.environ.get("SKIFF_STREAM_MIB", "16")) << 20


def exec_url(engine, container, *command, stdin=False, tty=False):
    request = cri.ExecRequest(
        container_id=container, cmd=command, stdin=stdin, stdout=True, stderr=not tty, tty=tty
    )
    return engine.runtime.Exec(request, timeout=60).url


def attach_url(engine, container, stdin=True, tty=False):
    request = cri.AttachRequest(container_id=container, stdin=stdin, stdout=True, stderr=not tty, tty=tty)
    return engine.runtime.Attach(request, timeout=60).url


def forward_url(engine, pod, *ports):
    return engine.runtime.PortForward(cri.PortForwardRequest(pod_sandbox_id=pod, port=ports), timeout=60).url


def feed(stream, size):
    """Sends so many bytes and the end from a thread; returns the function that waits for their checksum."""
    total = hashlib.sha256()

    def run():
        block = os.urandom(1 << 20)
        for _ in range(size >> 20):
            total.update(block)
            stream.send(block)
        stream.finish()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def checksum():
        thread.join(600)
        return total.hexdigest()

    return checksum


def digest(stream):
    total = hashlib.sha256()
    for piece in stream.pieces():
        total.update(piece)
    return total.hexdigest()
