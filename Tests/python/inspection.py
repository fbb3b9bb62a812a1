# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Documents over HTTP on a unix socket, as the engine serves them to those who look into it."""

import http.client
import re
import socket


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


def get(connection, path, method="GET"):
    connection.request(method, path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def metrics(connection):
    """The values by their names and labels."""
    status, text = get(connection, "/metrics")
    assert status == 200
    values = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, value = re.fullmatch(r"([a-z_]+(?:\{[^}]*\})?) ([0-9.e+-]+)", line).groups()
            values[name] = float(value)
    return values
