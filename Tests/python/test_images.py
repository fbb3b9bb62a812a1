# SPDX-License-Identifier: Apache-2.0
# Copyright the Skiff authors.

"""The image service."""

from engine import DEADLINE, cri


def listed(engine):
    return engine.images.ListImages(cri.ListImagesRequest()).images


def test_one_identity_everywhere(engine):
    reference = engine.pull()
    image = listed(engine)[0]
    assert image.id == reference
    assert list(image.repo_tags) == [engine.image]
    repository = engine.image.rsplit(":", 1)[0]
    assert [d.split("@")[0] for d in image.repo_digests] == [repository]
    assert image.size > 1 << 20
    for name in [engine.image, reference, reference.removeprefix("sha256:")[:12], image.repo_digests[0]]:
        answer = engine.images.ImageStatus(cri.ImageStatusRequest(image=cri.ImageSpec(image=name)))
        assert answer.image.id == reference, name


def test_removal_frees_the_disk(engine):
    used = engine.images.ImageFsInfo(cri.ImageFsInfoRequest()).image_filesystems[0]
    # A layer may be one file; the manifest and the configuration are two.
    assert used.used_bytes.value > 1 << 20 and used.inodes_used.value >= 3 and used.timestamp > 0
    for _ in range(2):
        engine.images.RemoveImage(cri.RemoveImageRequest(image=cri.ImageSpec(image=engine.image)))
    assert listed(engine) == []
    left = engine.images.ImageFsInfo(cri.ImageFsInfoRequest()).image_filesystems[0]
    assert left.used_bytes.value < used.used_bytes.value
    assert not list((engine.folder / "lib/layers").glob("*/*"))
    assert not list((engine.folder / "lib/staging").glob("*"))
    engine.pull()
    assert len(listed(engine)) == 1


def test_concurrent_pulls_join(engine):
    spec = cri.PullImageRequest(image=cri.ImageSpec(image=engine.image))
    calls = [engine.images.PullImage.future(spec, timeout=DEADLINE) for _ in range(8)]
    assert len({call.result().image_ref for call in calls}) == 1
    assert len(listed(engine)) == 1
