# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Requests as a kubelet makes them, which repeats what a daemon that went away did not answer; and the book of them."""

import threading
import time

import grpc
from engine import DEADLINE, cri

AWAY = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


class Journal:
    """One line for each operation and kill, in a file."""

    def __init__(self, path):
        self.path, self.count, self.lock = path, 0, threading.Lock()
        self.file = open(path, "w", encoding="utf-8")

    def write(self, text):
        with self.lock:
            self.count += 1
            self.file.write(f"{time.time():.3f} {text}\n")
            self.file.flush()

    def end(self):
        return "".join(open(self.path, encoding="utf-8").readlines()[-60:])


class Patience:
    def __init__(self, engine, journal):
        self.engine, self.journal = engine, journal
        # Changes with every kill and with every restart.
        self.lives = 0

    def __call__(self, call, done=lambda: None):
        """The call's result. One that the daemon did not answer is repeated; `done` tells whether it had been carried out
        when the repetition says that it cannot be any more."""
        end, repeated = time.monotonic() + 4 * DEADLINE, False
        while True:
            try:
                return call()
            except grpc.RpcError as error:
                if repeated and error.code() not in AWAY and (value := done()):
                    return value
                if error.code() not in AWAY or time.monotonic() > end:
                    raise
                repeated = True
                time.sleep(0.1)

    def call(self, method, deadline=DEADLINE, **fields):
        request = getattr(cri, f"{method}Request")(**fields)
        service = self.engine.runtime if hasattr(self.engine.runtime, method) else self.engine.images
        return self(lambda: getattr(service, method)(request, timeout=deadline))

    def abandon(self, method, deadline, request):
        """Asks and does not wait for the answer, which may come all the same."""
        try:
            getattr(self.engine.runtime, method)(request, timeout=deadline)
        except grpc.RpcError as error:
            if error.code() not in AWAY + (grpc.StatusCode.DEADLINE_EXCEEDED,):
                raise

    def refusal(self, method, **fields):
        """The code with which the request is refused."""
        try:
            self.call(method, **fields)
        except grpc.RpcError as error:
            return error.code()
        raise AssertionError(f"{method} of {fields} was not refused")
