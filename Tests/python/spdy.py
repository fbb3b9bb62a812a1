# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""A client of SPDY/3.1 as Kubernetes uses it, written from the draft: one thread reads, any thread writes."""

import json
import socket
import struct
import threading
import urllib.parse
import zlib

WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status 200_OK version HTTP/1.1 url public set-cookie "
    "keep-alive origin"
).split()
TEXT = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal "
    "Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 "
    "Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,"
    "application/xhtml+xml,text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8"
    "charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(w)) + w.replace("_", " ").encode() for w in WORDS) + TEXT.encode()
assert zlib.adler32(DICTIONARY) == 0xE3C6A7C2
WINDOW = 65536


def exchange(url, fields, method="POST", context=None):
    """Sends a request with these fields; returns the connection, the status line, the answer's fields and what follows."""
    parts = urllib.parse.urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port), timeout=120)
    # As the clients of Kubernetes do: a second small frame would wait until the server's kernel acknowledges the first, which
    # takes its time where the server has nothing to answer.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if context:
        connection = context.wrap_socket(connection, server_hostname=parts.hostname)
    lines = [f"{method} {parts.path} HTTP/1.1", f"Host: {parts.netloc}", *(f"{k}: {v}" for k, v in fields)]
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        assert piece, f"closed after {data!r}"
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    status, *lines = head.decode().split("\r\n")
    return connection, status, dict(line.lower().split(": ", 1) for line in lines), rest


class Stream:
    def __init__(self, connection, number):
        self.connection, self.number = connection, number
        self.data, self.ended, self.reset, self.replied = bytearray(), False, None, False
        self.window = connection.peer_window

    def wait(self, what):
        with self.connection.changed:
            assert self.connection.changed.wait_for(lambda: what() or self.connection.closed, 120), "nothing happened"

    def send(self, data, fin=False):
        """In frames of at most 16 KiB, obeying the peer's windows if this client counts."""
        connection, view = self.connection, memoryview(data)
        while view:
            size = min(len(view), 16384)
            if connection.counts:
                self.wait(lambda: self.reset is not None or self.window > 0 and connection.window > 0)
                with connection.changed:
                    size = min(size, self.window, connection.window)
                    if connection.closed or self.reset is not None:
                        raise ConnectionError("the stream is gone")
                    self.window -= size
                    connection.window -= size
            connection.write(struct.pack(">II", self.number, size) + view[:size])
            view = view[size:]
        if fin:
            self.finish()

    def finish(self):
        self.connection.write(struct.pack(">IBBH", self.number, 1, 0, 0))

    def cancel(self):
        self.connection.control(3, struct.pack(">II", self.number, 5))

    def read(self, count=None):
        """That many bytes, or all until the end."""
        if count is None:
            return b"".join(self.pieces())
        self.wait(lambda: self.ended or self.reset is not None or len(self.data) >= count)
        with self.connection.changed:
            taken, self.data = bytes(self.data[:count]), self.data[count:]
        self.connection.taken(self, len(taken))
        return taken

    def pieces(self):
        """What comes, as it comes, until the end."""
        while True:
            self.wait(lambda: self.data or self.ended or self.reset is not None)
            piece = self.read(len(self.data))
            if not piece:
                return
            yield piece


class Connection:
    """With `counts` it announces windows and gives room as data is read; else it is as careless as kubectl. `tunnel` makes
    of the URL what is used like a socket."""

    def __init__(self, url, protocols, counts=False, context=None, window=WINDOW, tunnel=None):
        rest = b""
        if tunnel:
            self.socket = tunnel(url)
        else:
            fields = [("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1")]
            fields += [("X-Stream-Protocol-Version", name) for name in protocols]
            self.socket, self.status, self.fields, rest = exchange(url, fields, context=context)
            assert self.status == "HTTP/1.1 101 Switching Protocols", (self.status, rest)
            self.protocol = self.fields.get("x-stream-protocol-version")
        self.counts, self.initial = counts, window
        self.window = self.peer_window = WINDOW
        self.streams, self.next, self.closed, self.pings, self.goaway = {}, 1, False, [], None
        self.lock, self.changed = threading.Lock(), threading.Condition()
        self.compressor = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, DICTIONARY)
        self.decompressor = zlib.decompressobj(zdict=DICTIONARY)
        if counts:
            self.control(4, struct.pack(">IBBHI", 1, 0, 0, 7, window))
            # Streams that nobody reads shall not use up what the others need.
            self.control(9, struct.pack(">II", 0, 1 << 24))
        self.thread = threading.Thread(target=self.run, args=(rest,), daemon=True)
        self.thread.start()

    def write(self, data):
        with self.lock:
            self.socket.sendall(data)

    def control(self, kind, body, flags=0):
        self.write(struct.pack(">HHBBH", 0x8003, kind, flags, len(body) >> 16, len(body) & 0xFFFF) + body)

    def open(self, **headers):
        with self.lock:
            number, self.next = self.next, self.next + 2
            stream = self.streams[number] = Stream(self, number)
            block = struct.pack(">I", len(headers))
            for name, value in headers.items():
                value = str(value).encode()
                block += struct.pack(">I", len(name)) + name.encode() + struct.pack(">I", len(value)) + value
            block = self.compressor.compress(block) + self.compressor.flush(zlib.Z_SYNC_FLUSH)
            body = struct.pack(">IIH", number, 0, 0) + block
            self.socket.sendall(struct.pack(">HHBBH", 0x8003, 1, 0, 0, len(body)) + body)
        stream.wait(lambda: stream.replied or stream.reset is not None)
        return stream

    def taken(self, stream, count):
        if self.counts and count:
            for number in (0, stream.number):
                self.control(9, struct.pack(">II", number, count))

    def ping(self, number):
        """Waits until the server has answered all that was sent before; the number is an odd one."""
        self.control(6, struct.pack(">I", number))
        with self.changed:
            assert self.changed.wait_for(lambda: number in self.pings or self.closed, 120) and not self.closed

    def exactly(self, count):
        while len(self.buffer) < count:
            piece = self.socket.recv(262144)
            if not piece:
                raise EOFError
            self.buffer += piece
        taken, self.buffer = bytes(self.buffer[:count]), self.buffer[count:]
        return taken

    def run(self, rest):
        self.buffer = bytearray(rest)
        try:
            while True:
                first, flags, high, low = struct.unpack(">IBBH", self.exactly(8))
                body = self.exactly(high << 16 | low)
                with self.changed:
                    self.frame(first, flags, body)
                    self.changed.notify_all()
        except (EOFError, OSError):
            pass
        with self.changed:
            self.closed = True
            for stream in self.streams.values():
                stream.ended = True
            self.changed.notify_all()

    def frame(self, first, flags, body):
        if not first & 0x80000000:
            stream = self.streams[first]
            assert stream.replied and not stream.ended
            stream.data += body
            stream.ended = bool(flags & 1)
            if self.counts:
                assert len(stream.data) <= self.initial, "more than the window"
            return
        assert first >> 16 == 0x8003, hex(first)
        kind = first & 0xFFFF
        words = struct.unpack_from(">II" if len(body) >= 8 else ">I", body)
        if kind == 2:
            block = self.decompressor.decompress(body[4:])
            assert block == struct.pack(">I", 0), block
            self.streams[words[0]].replied = True
        elif kind == 3:
            # One that a test has only pretended to open is refused, too.
            if words[0] in self.streams:
                self.streams[words[0]].reset = words[1]
        elif kind == 4:
            for _, number, value in struct.iter_unpack(">BxHI", body[4:]):
                if number == 7:
                    for stream in self.streams.values():
                        stream.window += value - self.peer_window
                    self.peer_window = value
        elif kind == 6:
            self.pings.append(words[0])
        elif kind == 7:
            self.goaway = words[1]
        elif kind == 9:
            if words[0] == 0:
                self.window += words[1]
            elif words[0] in self.streams:
                self.streams[words[0]].window += words[1]
        else:
            raise AssertionError(f"frame {kind}")

    def close(self):
        # A thread in recv does not hear of a mere close.
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(60)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Command:
    """An exec or attach: opens the streams as kubectl does."""

    def __init__(self, url, stdin=False, stdout=True, stderr=True, tty=False, protocols=("v4.channel.k8s.io",), **options):
        self.connection = Connection(url, protocols, **options)
        self.error = self.connection.open(streamtype="error")
        self.error.finish()
        self.stdin = self.connection.open(streamtype="stdin") if stdin else None
        self.stdout = self.connection.open(streamtype="stdout") if stdout else None
        self.stderr = self.connection.open(streamtype="stderr") if stderr and not tty else None
        self.resizing = self.connection.open(streamtype="resize") if tty else None

    def resize(self, columns, rows):
        self.resizing.send(json.dumps({"Width": columns, "Height": rows}).encode())

    def finish(self):
        """What it wrote on both outputs, and its exit code."""
        output = [s.read() if s else b"" for s in (self.stdout, self.stderr)]
        text = self.error.read()
        self.connection.close()
        return (*output, exit_code(text))


def exit_code(text):
    status = json.loads(text)
    if status["status"] == "Success":
        return 0
    assert status["reason"] == "NonZeroExitCode", status
    (code,) = [c["message"] for c in status["details"]["causes"] if c["reason"] == "ExitCode"]
    return int(code)


class Forwarding:
    def __init__(self, url, **options):
        self.connection = Connection(url, ["portforward.k8s.io"], **options)
        self.request = 0
        self.lock = threading.Lock()

    def connect(self, port):
        """The streams of a new connection to a port: bytes and error."""
        with self.lock:
            self.request += 1
            headers = {"port": port, "requestid": self.request}
            error = self.connection.open(streamtype="error", **headers)
            error.finish()
            return self.connection.open(streamtype="data", **headers), error
