# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A client of WebSocket with Kubernetes' channels, written from RFC 6455."""

import base64
import hashlib
import os
import struct

from spdy import exchange

STDIN, STDOUT, STDERR, ERROR, RESIZE = range(5)
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class WebSocket:
    def __init__(self, url, protocol=None, context=None):
        key = base64.b64encode(os.urandom(16)).decode()
        fields = [
            ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", key),
        ]
        if protocol:
            fields.append(("Sec-WebSocket-Protocol", protocol))
        self.socket, status, answer, rest = exchange(url, fields, method="GET", context=context)
        assert status == "HTTP/1.1 101 Switching Protocols", (status, rest)
        expected = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        assert answer["sec-websocket-accept"] == expected.lower()
        assert answer.get("sec-websocket-protocol") == (protocol and protocol.lower())
        self.buffer = bytearray(rest)
        self.text = bool(protocol and "base64" in protocol)
        self.channels = {}
        self.close_code = None

    def frame(self, opcode, payload, fin=True):
        mask = os.urandom(4)
        size = len(payload)
        if size < 126:
            head = struct.pack(">BB", fin << 7 | opcode, 0x80 | size)
        elif size < 65536:
            head = struct.pack(">BBH", fin << 7 | opcode, 0x80 | 126, size)
        else:
            head = struct.pack(">BBQ", fin << 7 | opcode, 0x80 | 127, size)
        masked = bytearray(payload)
        key = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(masked, "big") ^ int.from_bytes(key, "big")).to_bytes(size, "big")
        self.socket.sendall(head + mask + masked)

    def message(self, channel, data):
        if self.text:
            return b"%c" % (48 + channel) + base64.b64encode(data)
        return bytes([channel]) + data

    def send(self, channel, data, fragments=1):
        payload = self.message(channel, data)
        step = max(1, -(-len(payload) // fragments))
        pieces = [payload[i:i + step] for i in range(0, len(payload), step)]
        for index, piece in enumerate(pieces):
            first = 1 if self.text else 2
            self.frame(0 if index else first, piece, fin=index == len(pieces) - 1)

    def end(self, channel):
        """Of version 5: the client sends no more there."""
        self.frame(2, bytes([255, channel]))

    def exactly(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(262144)
            if not piece:
                raise EOFError
            self.buffer += piece
        taken, self.buffer = bytes(self.buffer[:count]), self.buffer[count:]
        return taken

    def receive(self):
        """The next frame: opcode and payload."""
        first, second = self.exactly(2)
        assert first & 0x70 == 0 and second & 0x80 == 0, "a server's frames are not masked"
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack(">H", self.exactly(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self.exactly(8))
        return first & 15, self.exactly(size)

    def step(self):
        """Takes one frame; False at the end."""
        try:
            opcode, payload = self.receive()
        except (EOFError, OSError):
            return False
        if opcode == 8:
            self.close_code = struct.unpack(">H", payload[:2])[0] if payload else None
            return False
        if opcode in (1, 2):
            assert (opcode == 1) == self.text
            channel = payload[0] - 48 if self.text else payload[0]
            data = base64.b64decode(payload[1:], validate=True) if self.text else payload[1:]
            self.channels.setdefault(channel, bytearray()).extend(data)
        return True

    def until(self, condition):
        while not condition():
            assert self.step(), f"the end, after {self.channels}"

    def rest(self):
        """All that comes until the server says goodbye; then says the same."""
        while self.step():
            pass
        self.frame(8, struct.pack(">H", 1000))
        self.socket.close()
        return {channel: bytes(data) for channel, data in self.channels.items()}


class Tunnel:
    """A WebSocket as the socket of another protocol: its bytes are in binary messages."""

    def __init__(self, url, protocol="SPDY/3.1+portforward.k8s.io"):
        self.websocket, self.pongs, self.goodbye = WebSocket(url, protocol), [], None
        self.shutdown, self.close = self.websocket.socket.shutdown, self.websocket.socket.close

    def sendall(self, data):
        # Cut where nothing ends.
        data = bytes(data)
        for piece in [data[:5], data[5:]] if len(data) > 5 else [data]:
            self.websocket.frame(2, piece)

    def recv(self, _):
        while True:
            opcode, payload = self.websocket.receive()
            if opcode == 8:
                self.goodbye = payload
                return b""
            if opcode == 10:
                self.pongs.append(payload)
                continue
            assert opcode == 2, opcode
            if payload:
                return payload
