# OCI layouts whose documents are odd: cycles, depth, numbers of entries, media types, descriptors that point outside.
import os

from case import case
from elfmaker import infected
from layout import CONFIG, INDEX, MANIFEST, NOWHERE, Layer, Layout, gzipped, oci, plain, sha, zstandard
from tarmaker import archive, file, usual

TREE = archive(*usual())
AMD64 = {"platform": {"os": "linux", "architecture": "amd64"}}


def index_of(*entries):
    return {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}


def to(digest, media=INDEX, size=300):
    return {"mediaType": media, "digest": digest, "size": size}


@case("index-cycle-self", "an inner index that lists itself", (1, 4),
      "its digest cannot be right (a lie), and no image is to be had; it ends either way")
def index_cycle_self(d):
    layout = Layout(d)
    return layout.index(layout.put(index_of(to(NOWHERE)), INDEX, NOWHERE))


@case("index-cycle-pair", "two inner indexes that list each other", (1, 4),
      "their digests cannot both be right (a lie), and no image is to be had; it ends either way")
def index_cycle_pair(d):
    layout = Layout(d)
    other = NOWHERE[:-1] + "2"
    layout.put(index_of(to(NOWHERE)), INDEX, other)
    return layout.index(layout.put(index_of(to(other)), INDEX, NOWHERE))


@case("manifest-is-config", "a manifest whose config is the manifest's own digest", 1, "a digest lies",
      finding=("integrity", None))
def manifest_is_config(d):
    def bend(manifest):
        manifest["config"]["digest"] = NOWHERE
    return oci(d, TREE, manifest=bend, manifest_digest=NOWHERE)


@case("index-nested", "an image two indexes deep", 0, "legal")
def index_nested(d):
    layout = Layout(d)
    inner = layout.put(index_of({**layout.image([TREE]), **AMD64}), INDEX)
    return layout.index(layout.put(index_of(inner), INDEX))


@case("index-deep", "an image 2,000 indexes deep, every digest right", (0, 4), "followed without recursion, or over a named limit")
def index_deep(d):
    layout = Layout(d)
    at = layout.image([TREE])
    for _ in range(2000):
        at = layout.put(index_of(at), INDEX)
    return layout.index(at)


@case("index-fan", "indexes that each list the next one 10 times, 12 deep (10^12 ways)", (0, 4),
      "each document is read once, or over a named limit; it ends either way")
def index_fan(d):
    layout = Layout(d)
    at = layout.image([TREE])
    for _ in range(12):
        at = layout.put(index_of(*[at] * 10), INDEX)
    return layout.index(at)


@case("index-100k", "an index of 100,000 entries, one of them for this machine", (0, 4), "found, or over a named limit")
def index_100k(d):
    layout = Layout(d)
    image = layout.image([TREE])
    other = {"mediaType": MANIFEST, "digest": NOWHERE, "size": 1, "platform": {"os": "plan9", "architecture": "mips"}}
    return layout.index(layout.put(index_of(*[other] * 99999, {**image, **AMD64}), INDEX))


OWN = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


@case("index-own-missing", "an index whose manifest for this machine is missing; another platform's is there", 4,
      "the other platform's verdict is not this one's", says=NOWHERE[7:])
def index_own_missing(d):
    layout = Layout(d)
    own = {"mediaType": MANIFEST, "digest": NOWHERE, "size": 500, "platform": {"os": "linux", "architecture": OWN}}
    other = {**layout.image([TREE], config=lambda c: c.update(architecture="s390x")), "platform": {"os": "linux", "architecture": "s390x"}}
    return layout.index(layout.put(index_of(own, other), INDEX))


@case("index-own-missing-last", "the same, this machine's entry the last", 4, "the other platform's verdict is not this one's", says=NOWHERE[7:])
def index_own_missing_last(d):
    layout = Layout(d)
    own = {"mediaType": MANIFEST, "digest": NOWHERE, "size": 500, "platform": {"os": "linux", "architecture": OWN}}
    other = {**layout.image([TREE], config=lambda c: c.update(architecture="s390x")), "platform": {"os": "linux", "architecture": "s390x"}}
    return layout.index(layout.put(index_of(other, own), INDEX))


@case("index-other-missing", "an index whose manifest for another platform is missing; this machine's is there", 0, "this machine's is what is asked for",
      listed="/etc/motd")
def index_other_missing(d):
    layout = Layout(d)
    other = {"mediaType": MANIFEST, "digest": NOWHERE, "size": 500, "platform": {"os": "linux", "architecture": "s390x"}}
    own = {**layout.image([TREE], config=lambda c: c.update(architecture=OWN)), "platform": {"os": "linux", "architecture": OWN}}
    return layout.index(layout.put(index_of(other, own), INDEX))


@case("index-empty", "an index without entries", 4, "no image to be had")
def index_empty(d):
    return Layout(d).index()


@case("index-attestation-only", "an index with nothing but an attestation manifest (unknown/unknown)", 4, "no image to be had")
def index_attestation(d):
    layout = Layout(d)
    image = layout.image([TREE])
    return layout.index(layout.put(index_of({**image, "platform": {"os": "unknown", "architecture": "unknown"}}), INDEX))


@case("index-attestation-first", "an attestation manifest before the image", 0, "attestations are no images", listed="/etc/motd")
def index_attestation_first(d):
    layout = Layout(d)
    image = layout.image([TREE])
    note = {"mediaType": MANIFEST, "digest": NOWHERE, "size": 9, "platform": {"os": "unknown", "architecture": "unknown"}}
    return layout.index(layout.put(index_of(note, {**image, **AMD64}), INDEX))


@case("index-attestation-lies", "the first entry for this machine is marked as an attestation and holds the stand-in; a clean one follows",
      (1, 3, 4), "engines choose by platform alone and would run the first: never clean on the second")
def index_attestation_lies(d):
    layout = Layout(d)
    bad = layout.image([archive(*usual(), file("usr/lib/libstandin.so.1", infected().build()))])
    mark = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    return layout.index(layout.put(index_of({**bad, **AMD64, **mark}, {**layout.image([TREE]), **AMD64}), INDEX))


@case("index-same-platform-twice", "two entries for this machine, the first with the stand-in", (1, 3, 4),
      "engines take the first that fits: never clean on the second")
def index_twice(d):
    layout = Layout(d)
    bad = layout.image([archive(*usual(), file("usr/lib/libstandin.so.1", infected().build()))])
    return layout.index(layout.put(index_of({**bad, **AMD64}, {**layout.image([TREE]), **AMD64}), INDEX))


@case("index-platform-lies", "an index that says arm64 of an amd64 image, and amd64 of an arm64 one", (0, 1, 3, 4),
      "engines go by the index; the difference may be said")
def index_platform_lies(d):
    layout = Layout(d)
    arm = layout.image([archive(file("arm"))], config=lambda c: c.update(architecture="arm64"))
    return layout.index(layout.put(index_of({**layout.image([TREE]), "platform": {"os": "linux", "architecture": "arm64"}},
                                            {**arm, **AMD64}), INDEX))


@case("manifest-huge", "a manifest of 12 MiB (one annotation)", (0, 4), "over the limit for a manifest, or read")
def manifest_huge(d):
    def bend(manifest):
        manifest["annotations"] = {"x": "y" * (12 << 20)}
    return oci(d, TREE, manifest=bend)


@case("manifest-200m", "a manifest of 200 MiB", 4, "over the limit for a manifest: no image to be had")
def manifest_200m(d):
    def bend(manifest):
        manifest["annotations"] = {"x": "y" * (200 << 20)}
    return oci(d, TREE, manifest=bend)


@case("config-200m", "a config of 200 MiB", (3, 4), "over the limit for a config: never clean")
def config_200m(d):
    def bend(config):
        config["config"]["Labels"] = {"x": "y" * (200 << 20)}
    return oci(d, TREE, config=bend)


@case("layers-1000", "an image of 1,000 layers", 0, "more than any engine takes, but layers", listed="/n", hidden="/n")
def layers_1000(d):
    return oci(d, *(archive(file("n", f"{i}\n")) for i in range(1000)))


@case("layers-10001", "an image of 10,001 layers", (0, 3, 4), "read, or over a named limit", coverage="content")
def layers_10001(d):
    return oci(d, *[plain(TREE)] * 10001)


@case("layers-10000-one-blob", "a manifest that names one blob 10,000 times", (0, 3, 4), "read, or over a named limit",
      coverage="content")
def layers_one_blob(d):
    return oci(d, *[plain(TREE)] * 10000)


@case("layers-none", "an image without layers", 0, "legal: nothing is in it, and all of that was read")
def layers_none(d):
    return oci(d)


@case("layers-fewer-than-diff-ids", "one layer, two diff IDs", (1, 3), "config and manifest disagree: never clean")
def fewer_layers(d):
    def bend(config):
        config["rootfs"]["diff_ids"].append(sha(b"x"))
    return oci(d, TREE, config=bend)


@case("layers-more-than-diff-ids", "two layers, one diff ID", (1, 3), "config and manifest disagree: never clean")
def more_layers(d):
    def bend(config):
        config["rootfs"]["diff_ids"].pop()
    return oci(d, TREE, archive(file("second")), config=bend)


@case("diff-ids-missing", "a config without rootfs", (0, 3, 4),
      "no engine runs it; nothing lies, as the manifest's digests hold: examined, or refused")
def no_diff_ids(d):
    def bend(config):
        del config["rootfs"]
    return oci(d, TREE, config=bend)


@case("media-unknown", "a layer of the unknown type application/x-mystery", 3, "a layer that was not looked at",
      coverage="content")
def media_unknown(d):
    return oci(d, TREE, plain(archive(file("x")), media="application/x-mystery"))


@case("media-encrypted", "a layer of type tar+gzip+encrypted", 3,
      "a layer that was not looked at; its diff ID is that of the plain text, so nothing lies", coverage="content")
def media_encrypted(d):
    return oci(d, TREE, Layer(b"\x91" * 700, sha(b"?"), "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"))


@case("media-foreign", "a foreign layer with URLs, not in the layout", 3, "a layer that was not looked at; its URLs are not followed",
      coverage="content")
def media_foreign(d):
    def bend(manifest):
        manifest["layers"][1]["urls"] = ["http://127.0.0.1:9/layer", "file:///etc/shadow"]
    foreign = plain(archive(file("x")), media="application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", absent=True)
    return oci(d, TREE, foreign, manifest=bend)


@case("media-foreign-oci", "a non-distributable OCI layer, not in the layout", 3, "a layer that was not looked at",
      coverage="content")
def media_nondist(d):
    return oci(d, TREE, gzipped(archive(file("x")), absent=True,
                                media="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"))


@case("media-docker", "Docker's media types in an OCI layout", 0, "legal", listed="/etc/motd")
def media_docker(d):
    def bend(manifest):
        manifest["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
    layout = Layout(d)
    image = layout.image([gzipped(TREE, media="application/vnd.docker.image.rootfs.diff.tar.gzip")], manifest=bend)
    image["mediaType"] = "application/vnd.docker.distribution.manifest.v2+json"
    return layout.index(image)


@case("media-docker-zstd", "Docker's layer type with +zstd, as buildkit wrote it", (0, 3), "read by its bytes, or said to be unread",
      coverage="content")
def media_docker_zstd(d):
    return oci(d, zstandard(TREE, media="application/vnd.docker.image.rootfs.diff.tar.zstd"))


@case("media-artifact", "a manifest of a Helm chart: config and layer are no image", (3, 4), "no container image",
      coverage="content")
def media_artifact(d):
    layout = Layout(d)

    def bend(manifest):
        manifest["config"] = layout.put(b"{}", "application/vnd.cncf.helm.config.v1+json")
        manifest["layers"][0]["mediaType"] = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
    return layout.index(layout.image([gzipped(TREE)], manifest=bend))


@case("manifest-both-kinds", "one document that is a manifest and an index at once", (3, 4),
      "CVE-2021-41190: clients would read different images from it; refused")
def both_kinds(d):
    def bend(manifest):
        manifest["manifests"] = [to(NOWHERE, MANIFEST)]
    return oci(d, TREE, manifest=bend)


@case("manifest-kind-lies", "an index entry that says manifest, where an index is", (0, 3, 4),
      "media types disagree: refused, or followed by its digest to the one image it can mean")
def kind_lies(d):
    layout = Layout(d)
    inner = layout.put(index_of(layout.image([TREE])), INDEX)
    return layout.index({**inner, "mediaType": MANIFEST})


def outside(name, digest, exits, what):
    @case("descriptor-" + name, f"a {what} whose digest is {digest[:60]}", exits, "no digest: refused; nothing outside is opened")
    def build(d):
        layout = Layout(d)

        def bend(manifest):
            if what == "config descriptor":
                manifest["config"]["digest"] = digest
            else:
                manifest["layers"][0]["digest"] = digest
        image = layout.image([TREE], manifest=bend)
        return layout.index({**image, "digest": digest} if what == "manifest descriptor" else image)


outside("traversal-layer", "sha256:../../../../../../../../etc/passwd", (3, 4), "layer descriptor")
outside("traversal-config", "sha256:../../../../../../../../etc/passwd", 4, "config descriptor")
outside("traversal-manifest", "../../../../../../../../etc/passwd:x", 4, "manifest descriptor")
outside("algorithm-unknown", "md5:d41d8cd98f00b204e9800998ecf8427e", (3, 4), "layer descriptor")
outside("digest-short", "sha256:abcdef", (3, 4), "layer descriptor")
outside("digest-nul", "sha256:" + "0" * 63 + "\0", (3, 4), "layer descriptor")
outside("digest-empty", "", (3, 4), "layer descriptor")


@case("blob-is-fifo", "a layer blob that is a fifo on disk", 3, "not a file: it would be waited for for ever", coverage="content")
def blob_fifo(d):
    layout = Layout(d)
    image = layout.image([plain(TREE), plain(archive(file("x")), absent=True)])
    os.mkfifo(layout.blob_path(sha(archive(file("x")))))
    return layout.index(image)


@case("manifest-is-fifo", "a manifest blob that is a fifo on disk", 4, "not a file: no image to be had")
def manifest_fifo(d):
    layout = Layout(d)
    os.mkfifo(layout.blob_path(NOWHERE))
    return layout.index(to(NOWHERE, MANIFEST))


@case("index-is-fifo", "index.json is a fifo", 4, "not a file: no image to be had")
def index_fifo(d):
    Layout(d)
    os.mkfifo(f"{d}/index.json")
    return f"oci-dir:{d}"


@case("blob-is-folder", "a layer blob that is a folder on disk", 3, "not a file", coverage="content")
def blob_folder(d):
    layout = Layout(d)
    image = layout.image([plain(TREE), plain(archive(file("x")), absent=True)])
    os.mkdir(layout.blob_path(sha(archive(file("x")))))
    return layout.index(image)


@case("blob-is-zero-device", "a layer blob that is a link to /dev/zero", (1, 3), "not a file, or endless: never clean, and it ends")
def blob_device(d):
    layout = Layout(d)
    image = layout.image([plain(TREE), plain(archive(file("x")), absent=True)])
    os.symlink("/dev/zero", layout.blob_path(sha(archive(file("x")))))
    return layout.index(image)


@case("empty-descriptor-config", "the empty JSON config {} of OCI 1.1 with real layers", (0, 3, 4),
      "no engine runs it; nothing lies, as the manifest's digests hold: examined, or refused")
def empty_config(d):
    layout = Layout(d)

    def bend(manifest):
        manifest["config"] = layout.put(b"{}", CONFIG)
    return layout.index(layout.image([TREE], manifest=bend))
