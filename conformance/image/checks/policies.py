# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""policy.json: which images may be used (containers-policy.json(5), containers-signature(5))."""

import base64
import json
import os
import subprocess

from images.picture import OCI, Picture, descriptor, entry, simple, tar
from images.services import openssl
from suite.expect import contains, need
from suite.registry import check


def policy(case, default, **scopes):
    """A policy by its default and its scopes of registries."""
    return case.file(f"policy{case.runs}.json", {"default": [default], "transports": {"docker": {
        scope: [requirement] for scope, requirement in scopes.items()}}})


REJECT, ACCEPT = {"type": "reject"}, {"type": "insecureAcceptAnything"}


@check
def reject(case):
    """What the policy rejects is not used."""
    server = case.server()
    server.add("app", "1", simple())
    case.refuses(server, "app:1", "reject", setting=case.setting(server, policy=policy(case, REJECT)))


@check
def the_most_specific_scope(case):
    """The longest scope that covers a name counts."""
    server = case.server()
    server.add("team/app", "1", simple())
    server.add("other/app", "1", simple())
    path = policy(case, REJECT, **{server.address: REJECT, f"{server.address}/team": ACCEPT})
    case.gets(server, "team/app:1", {"hello": "hello"}, case.setting(server, policy=path))
    case.refuses(server, "other/app:1", "reject", setting=case.setting(server, policy=path))


@check
def a_broken_policy_allows_nothing(case):
    """A policy with a key that nobody knows is not followed in part."""
    server = case.server()
    server.add("app", "1", simple())
    for number, text in enumerate(["{", '{"default": [{"type": "insecureAcceptAnything"}], "tranports": {}}',
                                   '{"default": [{"type": "insecureAcceptAnything", "keyPath": "/x"}]}', '{"default": []}']):
        case.refuses(server, "app:1", setting=case.setting(server, policy=case.file(f"broken{number}.json", text)))


def payload(kind, name, digest):
    """What is signed."""
    return json.dumps({"critical": {"identity": {"docker-reference": name}, "image": {"docker-manifest-digest": digest},
                                    "type": kind}, "optional": {}}).encode()


class Cosign:
    """A key, and its signatures beside images."""

    def __init__(self, case):
        self.key, self.public = f"{case.folder}/key{case.runs}", f"{case.folder}/key{case.runs}.pub"
        case.runs += 1
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", self.key)
        openssl("ec", "-in", self.key, "-pubout", "-out", self.public)

    def sign(self, server, repository, digest, name=None, signed=None):
        """Puts a signature of a digest for a name beside an image."""
        text = payload("cosign container image signature", name or f"{server.address}/{repository}", signed or digest)
        signature = base64.b64encode(openssl("dgst", "-sha256", "-sign", self.key, input=text)).decode()
        config = b"{}"
        layer = descriptor("application/vnd.dev.cosign.simplesigning.v1+json", text,
                           annotations={"dev.cosignproject.cosign/signature": signature})
        document = {"schemaVersion": 2, "mediaType": f"{OCI}manifest.v1+json",
                    "config": descriptor(f"{OCI}config.v1+json", config), "layers": [layer]}
        blobs = {layer["digest"]: text, document["config"]["digest"]: config}
        server.add_manifest(repository, f"{digest.replace(':', '-')}.sig", document["mediaType"],
                            json.dumps(document).encode(), blobs)

    def setting(self, case, server, identity="matchRepository"):
        """A policy that wants its signature."""
        signatures = f"{case.folder}/registries.d{case.runs}"
        case.file(f"{os.path.basename(signatures)}/all.yaml",
                  f"docker:\n  {server.address}:\n    use-sigstore-attachments: true\n")
        wanted = {"type": "sigstoreSigned", "keyPath": self.public, "signedIdentity": {"type": identity}}
        return case.setting(server, policy=policy(case, REJECT, **{server.address: wanted}), signatures=signatures)


@check
def sigstore(case):
    """sigstoreSigned: a signature by the policy's key, for this digest and this repository, beside the image."""
    need(case.tool.has_signature_folder, "the tool takes no folder of its own for registries.d")
    server = case.server()
    cosign = Cosign(case)
    for tag in ("good", "unsigned", "other-digest", "other-name"):
        digest = server.add("app", tag, simple(tag))
        if tag == "good":
            cosign.sign(server, "app", digest)
        if tag == "other-digest":
            cosign.sign(server, "app", digest, signed="sha256:" + "0" * 64)
        if tag == "other-name":
            cosign.sign(server, "app", digest, name=f"{server.address}/another")
    case.gets(server, "app:good", {"hello": "good"}, cosign.setting(case, server))
    for tag in ("unsigned", "other-digest", "other-name"):
        case.refuses(server, f"app:{tag}", "sign", setting=cosign.setting(case, server))


@check
def sigstore_by_another_key(case):
    """sigstoreSigned: a signature by a key that the policy does not name is none."""
    server = case.server()
    digest = server.add("app", "1", simple())
    Cosign(case).sign(server, "app", digest)
    case.refuses(server, "app:1", "sign", setting=Cosign(case).setting(case, server))


@check
def unsupported_requirements_are_not_fulfilled(case):
    """A transparency log whose proof is missing is not taken for fulfilled."""
    server = case.server()
    cosign = Cosign(case)
    digest = server.add("app", "1", simple())
    cosign.sign(server, "app", digest)
    setting = cosign.setting(case, server)
    with open(setting.policy, encoding="utf-8") as file:
        document = json.load(file)
    document["transports"]["docker"][server.address][0]["rekorPublicKeyPath"] = cosign.public
    setting.policy = case.file("rekor.json", document)
    case.refuses(server, "app:1", setting=setting)


@check
def simple_signing(case):
    """signedBy: a GPG signature of the lookaside, by a key of the policy, for this name and digest."""
    need(case.tool.has_signature_folder, "the tool takes no folder of its own for registries.d")
    server = case.server()
    home = f"{case.folder}/gpg"
    os.mkdir(home, 0o700)
    gpg = ["gpg", "--batch", "--homedir", home, "--passphrase", "", "--pinentry-mode", "loopback"]
    try:
        subprocess.run([*gpg, "--quick-gen-key", "signer@conformance", "rsa2048", "sign", "never"], check=True,
                       capture_output=True)
        keys = f"{case.folder}/keys.gpg"
        subprocess.run([*gpg, "--output", keys, "--export"], check=True, capture_output=True)
        digest = server.add("team/app", "1", simple())
        server.add("team/app", "unsigned", simple("unsigned"))
        place = f"{case.folder}/lookaside/team/app@{digest.replace(':', '=')}"
        os.makedirs(place)
        text = case.file("payload", payload("atomic container signature", f"{server.address}/team/app:1", digest).decode())
        subprocess.run([*gpg, "--output", f"{place}/signature-1", "--sign", text], check=True, capture_output=True)
    finally:
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
    # The older of the two names of the key is known to all.
    case.file("registries.d/all.yaml", f"default-docker:\n  sigstore: file://{case.folder}/lookaside\n")
    wanted = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": keys}

    def setting():
        return case.setting(server, policy=policy(case, REJECT, **{server.address: wanted}),
                            signatures=f"{case.folder}/registries.d")

    case.gets(server, "team/app:1", {"hello": "hello"}, setting())
    case.refuses(server, "team/app:unsigned", "sign", setting=setting())


@check
def the_reason_is_told(case):
    """Who is refused learns that it is the policy that refuses."""
    server = case.server()
    server.add("app", "1", Picture(tar(entry("a"))))
    outcome = case.refuses(server, "app:1", setting=case.setting(server, policy=policy(case, REJECT)))
    contains(outcome.text.lower(), "polic")
