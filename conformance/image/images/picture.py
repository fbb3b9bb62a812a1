# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.
"""Images made by hand: layers of entries, configuration, manifest, index, all as bytes that are known exactly."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."


def digest(data, algorithm="sha256"):
    """The digest of bytes in the form of the specification."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def entry(name, content=b"", kind=tarfile.REGTYPE, mode=0o644, link="", **more):
    """One entry of a layer."""
    info = tarfile.TarInfo(name)
    info.size, info.type, info.mode, info.linkname, info.mtime = len(content), kind, mode, link, 1_000_000_000
    for key, value in more.items():
        setattr(info, key, value)
    return info, content


def tar(*entries):
    """An archive of entries."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def compress(data, how):
    """The bytes of a layer in a registry."""
    if how == "gzip":
        return gzip.compress(data, 6, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def descriptor(media_type, data, **more):
    """A descriptor of bytes."""
    return {"mediaType": media_type, "digest": digest(data), "size": len(data), **more}


class Picture:
    """One image of one platform. `blobs` and `manifest` may be spoilt by a check before they are served."""

    def __init__(self, *layers, how="gzip", platform="linux/amd64", docker=False, layer_type=None, **config):
        os, arch, *variant = platform.split("/")
        self.platform = {"os": os, "architecture": arch, **({"variant": variant[0]} if variant else {})}
        self.layers = [compress(layer, how) for layer in layers]
        document = {**self.platform, "config": config,
                    "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}}
        self.config = json.dumps(document).encode()
        suffix = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[how]
        kind = layer_type or (f"{DOCKER}image.rootfs.diff.tar.gzip" if docker else f"{OCI}layer.v1.tar{suffix}")
        self.media_type = f"{DOCKER}distribution.manifest.v2+json" if docker else f"{OCI}manifest.v1+json"
        config_type = f"{DOCKER}container.image.v1+json" if docker else f"{OCI}config.v1+json"
        self.document = {
            "schemaVersion": 2, "mediaType": self.media_type, "config": descriptor(config_type, self.config),
            "layers": [descriptor(kind, layer) for layer in self.layers]}
        self.blobs = {digest(data): data for data in [self.config, *self.layers]}

    @property
    def manifest(self):
        """The bytes of the manifest as the document is now."""
        return json.dumps(self.document).encode()

    @property
    def entry(self):
        """The descriptor of the manifest in an index."""
        return descriptor(self.media_type, self.manifest, platform=self.platform)


def index(*entries, docker=False):
    """Media type and bytes of an index of descriptors."""
    kind = f"{DOCKER}distribution.manifest.list.v2+json" if docker else f"{OCI}index.v1+json"
    return kind, json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": list(entries)}).encode()


def simple(text="hello", **more):
    """An image with one small file, `hello`."""
    return Picture(tar(entry("hello", text.encode())), **more)


def large(size=3_000_000, seed=1, **more):
    """An image with one file, `large`, that does not compress, and its content."""
    content = b"".join(hashlib.sha256(f"{seed}.{number}".encode()).digest() for number in range(size // 32 + 1))[:size]
    return Picture(tar(entry("large", content)), **more), content
