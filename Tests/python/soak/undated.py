# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""An engine whose requests have no deadline."""

import grpc
from engine import Engine
from runtime.v1 import api_pb2_grpc as services


class WithoutDeadline(grpc.UnaryUnaryClientInterceptor):
    """Takes the deadline off: the daemon keeps some 2 KiB of a request until its deadline has passed, also when it was
    answered long before (a task of Swift that sleeps is freed at its hour, not when it is cancelled), and at a thousand
    requests a second nobody could tell that from memory that is lost."""

    def intercept_unary_unary(self, continuation, client_call_details, request):
        return continuation(client_call_details._replace(timeout=None), request)


class UndatedEngine(Engine):
    def connect(self):
        super().connect()
        channel = grpc.intercept_channel(self.channel, WithoutDeadline())
        self.runtime = services.RuntimeServiceStub(channel)
        self.images = services.ImageServiceStub(channel)
