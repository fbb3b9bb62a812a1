# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""A registry that does what a check says: it serves images, and misbehaves where a rule bids it."""

import http.server
import json
import re
import socket
import ssl
import threading
import urllib.parse


class Reply:
    """An answer. `cut` breaks the connection after so many bytes of the body, `stall` goes silent there."""

    def __init__(self, status=200, body=b"", headers=None, cut=None, stall=None):
        self.status, self.body, self.headers = status, body, dict(headers or {})
        self.cut, self.stall = cut, stall


class Request:
    """What was asked."""

    def __init__(self, handler):
        self.method, self.path = handler.command, handler.path
        self.headers = {key.lower(): value for key, value in handler.headers.items()}
        self.body = handler.rfile.read(int(self.headers.get("content-length", 0)))

    @property
    def start(self):
        """The first byte that a Range asks for."""
        found = re.fullmatch(r"bytes=(\d+)-.*", self.headers.get("range", ""))
        return int(found[1]) if found else 0


class Server:
    """Serves on a free port of 127.0.0.1 until it is closed. Rules are asked in turn, the newest first; what none answers,
    the images do."""

    def __init__(self, host="127.0.0.1", tls=None):
        self.repositories, self.rules, self.requests = {}, [], []
        self.over = threading.Event()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self):
                try:
                    super().handle_one_request()
                except (ConnectionError, ssl.SSLError):
                    self.close_connection = True

            def answer(self):
                request = Request(self)
                server.requests.append(request)
                server.send(self, request, server.reply(request))

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = answer

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            address_family = family
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.listener = Listener((host, 0), Handler)
        if tls:
            self.listener.socket = tls.wrap_socket(self.listener.socket, server_side=True, do_handshake_on_connect=False)
        name = f"[{host}]" if ":" in host else host
        self.address = f"{name}:{self.listener.server_address[1]}"
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        """No thread of the server stays in a stall."""
        self.over.set()
        self.listener.shutdown()
        self.thread.join()
        self.listener.server_close()

    def add(self, repository, tag, picture):
        """Serves an image under a tag, and returns its digest."""
        return self.add_manifest(repository, tag, picture.media_type, picture.manifest, picture.blobs)

    def add_manifest(self, repository, tag, media_type, data, blobs=()):
        """Serves any manifest, and returns its digest."""
        from images.picture import digest

        shelf = self.repositories.setdefault(repository, {"manifests": {}, "blobs": {}})
        for key in (tag, digest(data)):
            shelf["manifests"][key] = (media_type, data)
        shelf["blobs"].update(dict(blobs))
        return digest(data)

    def rule(self, answer, path="", method=None):
        """Answers requests whose path matches by `answer(request)`, unless it returns nothing."""
        self.rules.insert(0, (re.compile(path), method, answer))

    def asked(self, part, method="GET"):
        """The requests of a method with this in their path."""
        return [request for request in self.requests if part in request.path and request.method == method]

    def reply(self, request):
        for path, method, answer in list(self.rules):
            if path.search(request.path) and method in (None, request.method):
                found = answer(request)
                if found is not None:
                    return found
        return self.serve(request)

    def serve(self, request):
        """What an honest registry answers."""
        path = urllib.parse.urlparse(request.path).path
        if path == "/v2/":
            return Reply(200, b"{}")
        found = re.fullmatch(r"/v2/(.+)/(manifests|blobs)/([^/]+)", path)
        shelf = self.repositories.get(found[1]) if found else None
        if not shelf or found[3] not in shelf[found[2]]:
            code = "MANIFEST_UNKNOWN" if found and found[2] == "manifests" else "BLOB_UNKNOWN"
            return Reply(404, json.dumps({"errors": [{"code": code, "message": "not here"}]}).encode())
        if found[2] == "manifests":
            from images.picture import digest

            media_type, data = shelf["manifests"][found[3]]
            return Reply(200, data, {"Content-Type": media_type, "Docker-Content-Digest": digest(data)})
        return ranged(request, shelf["blobs"][found[3]])

    def send(self, handler, request, reply):
        headers = {"Content-Length": str(len(reply.body)), **reply.headers}
        handler.send_response(reply.status)
        for key, value in headers.items():
            if value is not None:
                handler.send_header(key, value)
        handler.end_headers()
        if request.method == "HEAD":
            return
        end = reply.cut if reply.cut is not None else reply.stall
        handler.wfile.write(reply.body[:end])
        handler.wfile.flush()
        if reply.stall is not None:
            self.over.wait()
        if end is not None:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)


def ranged(request, data, **more):
    """A blob, or the part of it that is asked for."""
    start = request.start
    if start == 0:
        return Reply(200, data, {"Content-Type": "application/octet-stream"}, **more)
    span = f"bytes {start}-{len(data) - 1}/{len(data)}"
    return Reply(206, data[start:], {"Content-Range": span, "Content-Type": "application/octet-stream"}, **more)


def once(reply, after=0):
    """An answer for a rule: the reply is given once, after so many other requests."""
    count = iter(range(1 << 30))

    def answer(request):
        if next(count) == after:
            return reply(request) if callable(reply) else reply
        return None

    return answer
