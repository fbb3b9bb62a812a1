# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Debian's docker-registry in its ways to ask who is there, and a token server for it."""

import base64
import contextlib
import json
import os
import socket
import subprocess
import time

from images.server import Reply

USER, PASSWORD = "alice", "open sesame"
# bcrypt of the password.
PASSWORDS = f"{USER}:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n"


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def openssl(*words, **more):
    """One command of openssl."""
    return subprocess.run(["openssl", *words], check=True, capture_output=True, **more).stdout


def certificate(folder, name, kind="ec"):
    """A certificate for 127.0.0.1 that signs itself: paths of it and of its key."""
    paths = f"{folder}/{name}.crt", f"{folder}/{name}.key"
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["-newkey", "rsa:2048"]
    openssl("req", "-x509", *key, "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", paths[1], "-out", paths[0])
    return paths


class DocumentRegistry:
    """A running docker-registry. `access` is open, password or token (then `tokens` is the token server's address)."""

    def __init__(self, folder, access="open", tls=False, clients=None, remote=None, tokens=None):
        self.folder = folder
        self.address = f"127.0.0.1:{free_port()}"
        config = {"version": "0.1", "log": {"level": "warn", "accesslog": {"disabled": True}},
                  "storage": {"filesystem": {"rootdirectory": f"{folder}/storage"}, "delete": {"enabled": True}},
                  "http": {"addr": self.address}}
        self.certificate, self.client = None, None
        if tls:
            self.certificate, key = certificate(folder, "server")
            config["http"]["tls"] = {"certificate": self.certificate, "key": key}
            if clients:
                self.client = certificate(folder, "client")
                config["http"]["tls"]["clientcas"] = [self.client[0]]
        if access == "password":
            with open(f"{folder}/passwords", "w", encoding="utf-8") as file:
                file.write(PASSWORDS)
            config["auth"] = {"htpasswd": {"realm": "tests", "path": f"{folder}/passwords"}}
        if access == "token":
            config["auth"] = {"token": {"realm": f"http://{tokens.address}/token", "service": "tests", "issuer": "tests",
                                        "rootcertbundle": tokens.certificate}}
        if remote:
            config["proxy"] = {"remoteurl": remote}
        with open(f"{folder}/config.yml", "w", encoding="utf-8") as file:
            json.dump(config, file)
        with open(f"{folder}/log", "wb") as log:
            self.process = subprocess.Popen(["docker-registry", "serve", f"{folder}/config.yml"], stdout=log, stderr=log)
        end = time.monotonic() + 60
        host, port = self.address.split(":")
        while True:
            with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
                return
            if self.process.poll() is not None or time.monotonic() > end:
                with open(f"{folder}/log", encoding="utf-8") as log:
                    raise RuntimeError(f"docker-registry does not come up: {log.read()}")
            time.sleep(0.02)

    def close(self):
        """Ends the process."""
        self.process.terminate()
        self.process.wait()

    def push(self, picture, name):
        """Puts an image into the registry with skopeo, as it is: through a layout made by hand."""
        layout = f"{self.folder}/push{time.monotonic_ns()}"
        os.makedirs(f"{layout}/blobs/sha256")
        for key, data in {**picture.blobs, picture.entry["digest"]: picture.manifest}.items():
            with open(f"{layout}/blobs/sha256/{key.split(':')[1]}", "wb") as file:
                file.write(data)
        entry = {**picture.entry, "annotations": {"org.opencontainers.image.ref.name": "it"}}
        with open(f"{layout}/index.json", "w", encoding="utf-8") as file:
            json.dump({"schemaVersion": 2, "manifests": [entry]}, file)
        with open(f"{layout}/oci-layout", "w", encoding="utf-8") as file:
            file.write('{"imageLayoutVersion": "1.0.0"}')
        words = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false",
                 f"--dest-creds={USER}:{PASSWORD}"]
        if self.client:
            certs = f"{self.folder}/push-certs"
            os.makedirs(certs, exist_ok=True)
            for source, name_there in zip(self.client, ("me.cert", "me.key")):
                with open(source, "rb") as file, open(f"{certs}/{name_there}", "wb") as copy:
                    copy.write(file.read())
            words.append(f"--dest-cert-dir={certs}")
        done = subprocess.run([*words, f"oci:{layout}:it", f"docker://{self.address}/{name}"], capture_output=True,
                              text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"cannot push: {done.stderr}")
        return picture.entry["digest"]


class TokenServer:
    """Hands out the tokens that docker-registry believes, to those who know the password, and logs what it is asked.

    Tokens are those of distribution's docs/spec/auth/jwt.md, signed with RSA; `lifetime` is in seconds.
    """

    def __init__(self, server, folder, lifetime=300):
        self.server, self.lifetime = server, lifetime
        self.address = server.address
        self.certificate, self.key = certificate(folder, "tokens", "rsa")
        server.rule(self.answer, "^/token")

    def answer(self, request):
        """A token for whom the request comes from."""
        from urllib.parse import parse_qs, urlparse

        wanted = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
        if request.headers.get("authorization") != wanted:
            return Reply(401, b'{"details": "wrong password"}')
        scopes = [word for scope in parse_qs(urlparse(request.path).query).get("scope", []) for word in scope.split()]
        return Reply(200, json.dumps({"token": self.token(scopes)}).encode())

    def token(self, scopes):
        """A signed token for scopes such as `repository:a/b:pull`."""
        now = int(time.time())
        access = []
        for scope in scopes:
            kind, rest = scope.split(":", 1)
            name, actions = rest.rsplit(":", 1)
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        with open(self.certificate, encoding="ascii") as file:
            chain = ["".join(line for line in file.read().splitlines() if not line.startswith("-"))]
        parts = [{"typ": "JWT", "alg": "RS256", "x5c": chain},
                 {"iss": "tests", "sub": USER, "aud": "tests", "nbf": now - 5, "iat": now, "exp": now + self.lifetime,
                  "jti": str(time.monotonic_ns()), "access": access}]
        text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
        return f"{text}.{encoded(openssl('dgst', '-sha256', '-sign', self.key, input=text.encode()))}"


def encoded(data):
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
