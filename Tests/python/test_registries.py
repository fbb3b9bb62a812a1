# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""Registries as the administrator's files and the requests describe them, and the policy that stands before them."""

import contextlib
import hashlib
import json
import socket
import subprocess

import pytest
from engine import cri, eventually
from grpc import StatusCode as Code

USER, PASSWORD = "alice", "open sesame"
# bcrypt of the password.
PASSWORDS = f"{USER}:$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n"


def pull(engine, name, namespace="", **auth):
    """Pulls, with credentials or for a pod of a namespace, and returns the id."""
    request = cri.PullImageRequest(image=cri.ImageSpec(image=name))
    if auth:
        request.auth.CopyFrom(cri.AuthConfig(**auth))
    if namespace:
        request.sandbox_config.metadata.namespace = namespace
    return engine.images.PullImage(request).image_ref


def listens(address):
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True
    return False


@pytest.fixture
def files(engine):
    """Writes files that are read in place of /etc/containers; they are gone afterwards."""
    folder = engine.folder / "containers"

    def write(name, content):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))

    yield write
    subprocess.run(["rm", "-rf", folder], check=True)


@pytest.fixture
def guarded(engine, files, tmp_path):
    """A registry that wants the password, with the image as `app:1`; its address."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    (tmp_path / "passwords").write_text(PASSWORDS)
    config = {
        "version": "0.1", "log": {"level": "error"}, "http": {"addr": address},
        "storage": {"filesystem": {"rootdirectory": str(tmp_path / "storage")}},
        "auth": {"htpasswd": {"realm": "tests", "path": str(tmp_path / "passwords")}},
    }
    (tmp_path / "config.yml").write_text(json.dumps(config))
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(["docker-registry", "serve", tmp_path / "config.yml"], stdout=log, stderr=log)
    try:
        eventually("docker-registry listens", lambda: listens(address))
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false", "--dest-tls-verify=false",
             f"--dest-creds={USER}:{PASSWORD}", f"docker://{engine.image}", f"docker://{address}/app:1"], check=True)
        files("registries.conf", f'[[registry]]\nlocation = "{address}"\ninsecure = true\n')
        yield address
    finally:
        process.terminate()
        process.wait()


def test_credentials_of_the_request(engine, guarded, refused):
    name = f"{guarded}/app:1"
    with refused(Code.UNKNOWN, "401 Unauthorized", "app:1"):
        pull(engine, name)
    with refused(Code.UNKNOWN, "401 Unauthorized"):
        pull(engine, name, username=USER, password="wrong")
    assert pull(engine, name, username=USER, password=PASSWORD) == pull(engine, engine.image)
    # alice:open sesame
    assert pull(engine, name, auth="YWxpY2U6b3BlbiBzZXNhbWU=") == pull(engine, engine.image)


def test_skiffctl_asks_for_the_password(engine, guarded):
    command = engine.client("pull", "-u", USER, f"{guarded}/app:1")
    done = subprocess.run(command, input="wrong\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "401 Unauthorized" in done.stderr
    done = subprocess.run(command, input=PASSWORD + "\n", capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_credentials_of_a_file(engine, guarded, files):
    files("auth.json", {"auths": {guarded: {"username": USER, "password": PASSWORD}}})
    assert pull(engine, f"{guarded}/app:1") == pull(engine, engine.image)


def test_credentials_of_a_namespace_are_used_up(engine, guarded, files, refused):
    """As crio-credential-provider leaves them for one pull."""
    name = f"{guarded}/app:1"
    file = f"auth/team-{hashlib.sha256(f'{guarded}/app'.encode()).hexdigest()}.json"
    files(file, {"auths": {guarded: {"username": USER, "password": PASSWORD}}})
    with refused(Code.UNKNOWN, "401 Unauthorized"):
        pull(engine, name, namespace="others")
    assert pull(engine, name, namespace="team") == pull(engine, engine.image)
    assert not (engine.folder / "containers" / file).exists()
    with refused(Code.UNKNOWN, "401 Unauthorized"):
        pull(engine, name, namespace="team")


def test_names_lead_to_mirrors(engine, files, refused):
    registry = engine.env["REGISTRY"]
    files(
        "registries.conf",
        f"""
        [aliases]
        page = "registry.invalid/web"
        [[registry]]
        location = "registry.invalid"
        [[registry.mirror]]
        location = "{registry}"
        [[registry]]
        location = "blocked.invalid"
        blocked = true
        """)
    image = pull(engine, "page:1")
    assert image == pull(engine, engine.image)
    # It is in the store by the name that it stands for, and found by both.
    for name in ("registry.invalid/web:1", "page:1"):
        answer = engine.images.ImageStatus(cri.ImageStatusRequest(image=cri.ImageSpec(image=name)))
        assert answer.image.id == image, name
    with refused(Code.INVALID_ARGUMENT, "blocked in registries.conf"):
        pull(engine, "blocked.invalid/x")
    with refused(Code.UNAVAILABLE, "tried 2 places", f"{registry}/none", "registry.invalid/none"):
        pull(engine, "registry.invalid/none:1")


def test_the_policy_stands_before_pull_and_use(engine, files, pod, refused):
    identifier, config = pod
    accept, reject = [{"type": "insecureAcceptAnything"}], [{"type": "reject"}]
    image = pull(engine, engine.image)
    files("policy.json", {"default": reject})
    with refused(Code.UNKNOWN, "SignatureValidationFailed", "the policy rejects it"):
        pull(engine, engine.image)
    container = cri.CreateContainerRequest(
        pod_sandbox_id=identifier, sandbox_config=config,
        config=cri.ContainerConfig(metadata={"name": "refused"}, image=cri.ImageSpec(image=image)))
    with refused(Code.UNKNOWN, "SignatureValidationFailed", "the policy rejects it"):
        engine.runtime.CreateContainer(container)
    # A namespace may have a policy of its own.
    files("policies/trusted.json", {"default": accept})
    assert pull(engine, engine.image, namespace="trusted") == image
    files("policy.json", '{"default": [{"type": "insecureAcceptAnything"}], "typo": 1}')
    with refused(Code.UNKNOWN, "unknown key \"typo\""):
        pull(engine, engine.image)
    files("policy.json", {"default": accept})
    assert pull(engine, engine.image) == image
