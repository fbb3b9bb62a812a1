# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""A connection to an engine, shared by all checks."""

import grpc
from runtime.v1 import api_pb2 as cri
from runtime.v1 import api_pb2_grpc as services

# Only there to end a check that hangs.
DEADLINE = 240


class Client:
    def __init__(self, endpoint):
        path = endpoint.removeprefix("unix://")
        options = [("grpc.max_receive_message_length", 80 << 20), ("grpc.max_send_message_length", 80 << 20)]
        self.channel = grpc.insecure_channel("unix:" + path, options=options)
        self.runtime = services.RuntimeServiceStub(self.channel)
        self.images = services.ImageServiceStub(self.channel)
        self.version = self.runtime.Version(cri.VersionRequest(version="v1"), timeout=DEADLINE)

    def call(self, method, request, timeout=DEADLINE):
        return getattr(self.runtime, method)(request, timeout=timeout)

    def image_call(self, method, request, timeout=DEADLINE):
        return getattr(self.images, method)(request, timeout=timeout)

    def pull(self, image):
        request = cri.PullImageRequest(image=cri.ImageSpec(image=image))
        return self.image_call("PullImage", request).image_ref
