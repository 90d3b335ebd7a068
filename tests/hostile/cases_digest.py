# Digests that lie: between index, manifest, config, layer blob and diff ID. Each is an integrity finding and flags the image.
from case import case
from layout import NOWHERE, Layer, Layout, gzipped, oci, plain, sha, zstandard
from tarmaker import archive, file, usual

TREE = archive(*usual())
OTHER = archive(file("other"))
LIES = "a digest that lies flags the image"
INTEGRITY = ("integrity", None)


@case("digest-blob", "a layer blob that is not what the manifest names", 1, LIES, finding=INTEGRITY)
def digest_blob(d):
    return oci(d, plain(TREE, digest=sha(OTHER), diff_id=sha(OTHER)))


@case("digest-blob-gzip", "a gzip blob that is not what the manifest names; its diff ID is right", 1, LIES, finding=INTEGRITY)
def digest_blob_gzip(d):
    layer = gzipped(TREE)
    layer.digest = sha(b"something else")
    return oci(d, layer)


@case("digest-blob-one-bit", "a blob digest that differs in its last digit", 1, LIES, finding=INTEGRITY)
def digest_one_bit(d):
    right = sha(TREE)
    return oci(d, plain(TREE, digest=right[:-1] + ("0" if right[-1] != "0" else "1")))


@case("digest-diff-id", "a diff ID in the config that is not the layer's", 1, LIES, finding=INTEGRITY)
def digest_diff_id(d):
    return oci(d, plain(TREE, diff_id=sha(OTHER)))


@case("digest-diff-id-gzip", "a gzip layer with a diff ID that is the blob's digest", 1, LIES, finding=INTEGRITY)
def digest_diff_id_gzip(d):
    layer = gzipped(TREE)
    layer.diff_id = sha(layer.blob)
    return oci(d, layer)


@case("digest-diff-id-zstd", "a zstd layer with a wrong diff ID", 1, LIES, finding=INTEGRITY)
def digest_diff_id_zstd(d):
    return oci(d, zstandard(TREE, diff_id=sha(OTHER)))


@case("digest-diff-ids-swapped", "two layers whose diff IDs are swapped", 1, LIES, finding=INTEGRITY)
def digest_swapped(d):
    return oci(d, plain(TREE, diff_id=sha(OTHER)), plain(OTHER, diff_id=sha(TREE)))


@case("digest-config", "a config that is not what the manifest names", 1, LIES, finding=INTEGRITY)
def digest_config(d):
    return oci(d, TREE, config_digest=NOWHERE)


@case("digest-manifest", "a manifest that is not what the index names", 1, LIES, finding=INTEGRITY)
def digest_manifest(d):
    return oci(d, TREE, manifest_digest=NOWHERE)


@case("digest-inner-index", "an inner index that is not what the outer names; the manifest below is right", 1, LIES,
      finding=INTEGRITY)
def digest_inner_index(d):
    layout = Layout(d)
    image = layout.image([TREE])
    inner = layout.put({"schemaVersion": 2, "manifests": [image]}, "application/vnd.oci.image.index.v1+json", NOWHERE)
    return layout.index(inner)


@case("digest-upper-case", "the right blob digest in upper-case hex", (1, 3, 4), "OCI wants lower case: refused, never clean")
def digest_upper(d):
    layout = Layout(d)

    def bend(manifest):
        at = manifest["layers"][0]
        right = at["digest"]
        at["digest"] = "sha256:" + right[7:].upper()
        layout.put(TREE, "x", at["digest"])
    return layout.index(layout.image([TREE], manifest=bend))


@case("digest-and-cut", "a blob that is not what the manifest names, and no tar either", 1,
      "both are said; the digest that lies decides", finding=INTEGRITY)
def digest_and_cut(d):
    return oci(d, Layer(b"neither" * 300, sha(TREE), digest=sha(OTHER)))


@case("digest-same-layer-twice", "one blob twice in the manifest, the second with a wrong diff ID", 1,
      "each place is checked, also where the bytes are known already", finding=INTEGRITY)
def digest_twice(d):
    return oci(d, plain(TREE), plain(TREE, diff_id=sha(OTHER)))


@case("digest-sha512-wrong", "a sha512 descriptor whose bytes are others", (1, 3), "checked and a lie, or not checked and said")
def digest_sha512(d):
    layout = Layout(d)

    def bend(manifest):
        import os
        manifest["layers"][0]["digest"] = "sha512:" + "0" * 128
        os.makedirs(f"{d}/blobs/sha512")
        with open(f"{d}/blobs/sha512/" + "0" * 128, "wb") as f:
            f.write(TREE)
    return layout.index(layout.image([TREE], manifest=bend))


@case("size-too-small", "a layer descriptor with the right digest and a size that is too small", (0, 1, 3),
      "the digest holds; a size that lies may be said, and nothing is cut by it")
def size_small(d):
    return oci(d, plain(TREE, size=512))


@case("size-too-big", "a layer descriptor with the right digest and a size of 2^60", (0, 1, 3),
      "the digest holds; a size that lies may be said, and nothing is reserved for it")
def size_big(d):
    return oci(d, plain(TREE, size=1 << 60))


@case("size-negative", "a layer descriptor with a size of -1", (0, 1, 3, 4), "no size; refused or ignored, nothing wraps")
def size_negative(d):
    def bend(manifest):
        manifest["layers"][0]["size"] = -1
    return oci(d, plain(TREE), manifest=bend)


@case("missing-blob", "a layer that the layout does not hold", 3, "the layer could not be looked at", coverage="content")
def missing_blob(d):
    return oci(d, plain(TREE), plain(OTHER, absent=True))


@case("missing-config", "a config that the layout does not hold", 4, "no image to be had")
def missing_config(d):
    def bend(manifest):
        manifest["config"]["digest"] = NOWHERE
    return oci(d, TREE, manifest=bend)


@case("missing-manifest", "an index that names a manifest that the layout does not hold", 4, "no image to be had")
def missing_manifest(d):
    layout = Layout(d)
    image = layout.image([TREE])
    image["digest"] = NOWHERE
    return layout.index(image)
