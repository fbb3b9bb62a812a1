# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Images out of Debian's docker-registry, in its ways to ask who is there."""

import os
import shutil

from images.picture import Picture, entry, large, simple, tar
from images.services import PASSWORD, USER, TokenServer
from suite.expect import contains, equal, that
from suite.registry import check


@check
def plain(case):
    """An image of several layers by its tag (distribution-spec, Pulling manifests, Pulling blobs)."""
    registry = case.registry()
    picture = Picture(tar(entry("a", b"1"), entry("b", b"1")), tar(entry("b", b"2")), tar(entry("c", b"3" * 100_000)))
    registry.push(picture, "team/app:1")
    case.gets(registry, "team/app:1", {"a": "1", "b": "2", "c": "3" * 100_000})


@check
def by_digest(case):
    """An image by its digest, and by tag and digest, where the tag only decorates."""
    registry = case.registry()
    digest = registry.push(simple("one"), "app:1")
    registry.push(simple("two"), "app:2")
    case.gets(registry, f"app@{digest}", {"hello": "one"})


@check
def password(case):
    """Basic authentication by a given user and password (RFC 7617)."""
    registry = case.registry(access="password")
    registry.push(simple(), "app:1")
    case.gets(registry, "app:1", {"hello": "hello"}, case.setting(registry, credentials=f"{USER}:{PASSWORD}"))
    case.refuses(registry, "app:1", "unauthorized", "authentication", setting=case.setting(registry))
    case.refuses(registry, "app:1", "unauthorized", "authentication", setting=case.setting(registry, credentials=f"{USER}:no"))


def auth_file(case, **entries):
    """An auth.json with the password for keys, which are numbered to keep them apart from one another."""
    import base64

    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    wrong = base64.b64encode(b"mallory:x").decode()
    keys = {key: {"auth": secret if good else wrong} for key, good in entries.items()}
    return case.file("auth.json", {"auths": keys})


@check
def password_in_a_file(case):
    """Credentials of auth.json (containers-auth.json(5))."""
    registry = case.registry(access="password")
    registry.push(simple(), "app:1")
    setting = case.setting(registry, auth=auth_file(case, **{registry.address: True}))
    case.gets(registry, "app:1", {"hello": "hello"}, setting)


@check
def most_specific_credentials(case):
    """Of several keys that cover a repository the longest counts (containers-auth.json(5))."""
    registry = case.registry(access="password")
    registry.push(simple(), "team/app:1")
    keys = {registry.address: False, f"{registry.address}/team": True, f"{registry.address}/team/other": False}
    case.gets(registry, "team/app:1", {"hello": "hello"}, case.setting(registry, auth=auth_file(case, **keys)))


@check
def credential_helper(case):
    """A program that keeps the credentials (`credHelpers`)."""
    registry = case.registry(access="password")
    registry.push(simple(), "app:1")
    folder = f"{case.folder}/bin"
    case.file("bin/docker-credential-conformance",
              f'#!/bin/sh\nread -r server\n[ "$server" = {registry.address} ] || exit 1\n'
              f'echo \'{{"ServerURL":"x","Username":"{USER}","Secret":"{PASSWORD}"}}\'\n')
    os.chmod(f"{folder}/docker-credential-conformance", 0o755)
    setting = case.setting(registry, auth=case.file("auth.json", {"credHelpers": {registry.address: "conformance"}}))
    setting.environment["PATH"] = f"{folder}:{os.environ['PATH']}"
    case.gets(registry, "app:1", {"hello": "hello"}, setting)


@check
def token(case):
    """Bearer tokens of a token server, asked for with the scope of the repository (distribution, spec/auth/token)."""
    server = case.server()
    tokens = TokenServer(server, case.folder)
    registry = case.registry(access="token", tokens=tokens)
    picture, content = large()
    registry.push(picture, "team/app:1")
    server.requests.clear()
    setting = case.setting(registry, credentials=f"{USER}:{PASSWORD}")
    case.gets(registry, "team/app:1", {"large": content}, setting)
    asked = server.asked("/token")
    that(asked, "no token was asked for")
    contains(asked[0].path.replace("%3A", ":").replace("%2F", "/"), "scope=repository:team/app:pull")
    contains(asked[0].path, "service=tests")
    case.refuses(registry, "team/app:1", "unauthorized", "authentication", "wrong password",
                 setting=case.setting(registry, credentials=f"{USER}:no"))


@check
def certificate(case):
    """An authority of certs.d is trusted, and without it the registry is not (containers-certs.d(5))."""
    registry = case.registry(tls=True)
    registry.push(simple(), "app:1")
    folder = f"{case.folder}/certs.d/{registry.address}"
    case.refuses(registry, "app:1", "certificate", setting=case.setting())
    os.makedirs(folder)
    shutil.copy(registry.certificate, f"{folder}/ca.crt")
    case.gets(registry, "app:1", {"hello": "hello"}, case.setting(certificates=os.path.dirname(folder)))


@check
def client_certificate(case):
    """A registry that asks for a certificate gets that of certs.d (containers-certs.d(5))."""
    registry = case.registry(tls=True, clients=True)
    registry.push(simple(), "app:1")
    folder = f"{case.folder}/certs.d/{registry.address}"
    os.makedirs(folder)
    shutil.copy(registry.certificate, f"{folder}/ca.crt")
    setting = case.setting(certificates=os.path.dirname(folder))
    case.refuses(registry, "app:1", "certificate", "tls", setting=setting)
    shutil.copy(registry.client[0], f"{folder}/me.cert")
    shutil.copy(registry.client[1], f"{folder}/me.key")
    case.gets(registry, "app:1", {"hello": "hello"}, case.setting(certificates=os.path.dirname(folder)))


@check
def plain_http_only_where_declared(case):
    """A registry without TLS is not spoken to unless it is declared insecure."""
    server = case.server()
    server.add("app", "1", simple())
    case.refuses(server, "app:1", "http", "tls", setting=case.setting())
    equal([request.path for request in server.requests if request.path != "/v2/"], [], "asked in plain HTTP")
