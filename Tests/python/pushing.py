# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Images and artifacts that a test makes up, sent to a registry by nothing but HTTP."""

import hashlib
import io
import json
import tarfile
import urllib.request

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
TITLE = "org.opencontainers.image.title"


def send(method, url, data, kind):
    request = urllib.request.Request(url, data, {"Content-Type": kind}, method=method)
    return urllib.request.urlopen(request, timeout=60)


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def push(registry, name, config, layers, **more):
    """Config and layers are (type, content, annotations)."""

    def blob(kind, data, annotations=None):
        begun = send("POST", f"http://{registry}/v2/{name}/blobs/uploads/", b"", "text/plain").headers["Location"]
        send("PUT", f"{begun}&digest={digest(data)}", data, "application/octet-stream")
        said = {"annotations": annotations} if annotations else {}
        return {"mediaType": kind, "digest": digest(data), "size": len(data), **said}

    manifest = {
        "schemaVersion": 2, "mediaType": MANIFEST, "config": blob(*config),
        "layers": [blob(*layer) for layer in layers], **more,
    }
    send("PUT", f"http://{registry}/v2/{name}/manifests/1", json.dumps(manifest).encode(), MANIFEST)
    return f"{registry}/{name}:1"


def push_artifact(registry, name, files, config="application/vnd.oci.empty.v1+json", kind="text/html"):
    layers = [(kind, data, {TITLE: path}) for path, data in files.items()]
    return push(registry, name, (config, b"{}"), layers, artifactType="application/vnd.example.pages")


def push_image(registry, name, layer, annotations):
    """One whose only layer is the tar, and which has nothing to run."""
    config = {
        "architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest(layer)]},
    }
    return push(
        registry, name, ("application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
        [("application/vnd.oci.image.layer.v1.tar", layer)], annotations=annotations)


def tar(parts, *entries):
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in parts.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
        for entry in entries:
            archive.addfile(entry)
    return target.getvalue()
