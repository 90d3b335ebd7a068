# Docker archives, archives of OCI layouts, and files that are no image at all.
import gzip
import json
import os

from case import case
from layout import as_json, docker_archive, docker_members, image_config, oci, sha
from tarmaker import END, archive, entry, file, folder, gnu_sparse, hardlink, header, pax, pax_sparse, symlink, usual

TREE = archive(*usual())
NO_IMAGE = "no image to be had"


def saved(d, *layers, members=None, bend=None, **more):
    """A `docker save` archive; `bend` changes the members and the manifest entry."""
    parts, item = docker_members(layers or (TREE,), **more)
    if bend:
        parts, item = bend(parts, item) or (parts, item)
    return docker_archive(f"{d}/image.tar", parts, [item])


@case("archive-plain", "an honest docker archive", 0, "the control", listed="/etc/motd")
def archive_plain(d):
    return saved(d)


@case("archive-several", "two images in one archive, none chosen", 2, "a usage error that lists them", says=("first", "second"))
def archive_several(d):
    parts, one = docker_members([TREE], ["team/first:1"])
    more, two = docker_members([archive(file("b"))], ["team/second:2"], "b-")
    return docker_archive(f"{d}/image.tar", parts + more, [one, two])


@case("archive-several-chosen", "two images in one archive, the second chosen by number", 0, "chosen: the usual verdict",
      listed="/b", unlisted="/etc/motd")
def archive_chosen(d):
    parts, one = docker_members([TREE], ["team/first:1"])
    more, two = docker_members([archive(file("b"))], ["team/second:2"], "b-")
    return docker_archive(f"{d}/image.tar", parts + more, [one, two]) + ":@1"


@case("archive-chosen-missing", "an archive of one image, and another tag asked for", (2, 4), "what was asked for is not there")
def archive_missing_tag(d):
    return saved(d) + ":nobody/nothing:1"


@case("archive-number-huge", "image number 99999999999999999999 asked for", (2, 4), "what was asked for is not there")
def archive_number(d):
    return saved(d) + ":@99999999999999999999"


@case("archive-legacy-link", "layer.tar as a link to ../other/layer.tar, as old docker save wrote shared layers", 0,
      "legacy but legal: the link is followed inside the archive", listed=("/etc/motd",))
def legacy_link(d):
    def bend(parts, item):
        name = item["Layers"][0]
        parts[0] = ("other/layer.tar", TREE)
        parts.insert(1, symlink(name, "../other/layer.tar"))
    return saved(d, bend=bend)


@case("archive-legacy-hardlink", "layer.tar as a hard link to other/layer.tar", (0, 3), "followed inside the archive, or said",
      coverage="content")
def legacy_hardlink(d):
    def bend(parts, item):
        name = item["Layers"][0]
        parts[0] = ("other/layer.tar", TREE)
        parts.insert(1, hardlink(name, "other/layer.tar"))
    return saved(d, bend=bend)


@case("archive-link-out", "layer.tar as a link to ../../../../../../etc/passwd", 3,
      "the archive has no such member: a layer that was not looked at; nothing of the machine is opened", coverage="content")
def link_out(d):
    def bend(parts, item):
        parts[0] = symlink(item["Layers"][0], "../../../../../../etc/passwd")
    return saved(d, bend=bend)


@case("archive-link-absolute", "layer.tar as a link to /etc/passwd", 3, "nothing of the machine is opened", coverage="content")
def link_absolute(d):
    def bend(parts, item):
        parts[0] = symlink(item["Layers"][0], "/etc/passwd")
    return saved(d, bend=bend)


@case("archive-link-cycle", "two layer.tar that link to each other", 3, "no content is to be had for them", coverage="content")
def link_cycle(d):
    def bend(parts, item):
        parts[0] = symlink("layer0/layer.tar", "../layer1/layer.tar")
        parts[1] = symlink("layer1/layer.tar", "../layer0/layer.tar")
    return saved(d, TREE, archive(file("b")), bend=bend)


@case("archive-layer-missing", "manifest.json names a layer that the archive does not hold", 3, "a layer that was not looked at",
      coverage="content")
def layer_missing(d):
    def bend(parts, item):
        del parts[1]
    return saved(d, TREE, archive(file("b")), bend=bend)


def sparse_layer(name, make):
    @case(f"archive-layer-sparse-{name}", f"a docker archive packed with tar --sparse ({name} format): the layer's bytes are not there as they stand", 4,
          "not to be read in place: it says to pack the archive again", says=("--sparse", "layer0/layer.tar"))
    def build(d):
        layer = archive(file("a", bytes(8192) + b"x" * 512))
        parts, item = docker_members([layer])
        chunks = [(0, 512), (512 + 8192, len(layer) - 512 - 8192)]
        parts[0] = make(parts[0][0], len(layer), chunks, layer[:512] + layer[512 + 8192:])
        return docker_archive(f"{d}/image.tar", parts, [item])


sparse_layer("gnu", gnu_sparse)
sparse_layer("pax", pax_sparse)


@case("archive-layer-is-folder", "the layer named is a folder in the archive", 3, "no content is to be had", coverage="content")
def layer_folder(d):
    def bend(parts, item):
        parts[0] = folder(item["Layers"][0])
    return saved(d, bend=bend)


@case("archive-layer-path-out", "manifest.json names the layer ../../../../etc/passwd", 3,
      "the archive has no such member; nothing of the machine is opened", coverage="content")
def layer_path_out(d):
    def bend(parts, item):
        item["Layers"] = ["../../../../../../etc/passwd"]
    return saved(d, bend=bend)


@case("archive-config-path-out", "manifest.json names the config /etc/passwd", 4, NO_IMAGE)
def config_path_out(d):
    def bend(parts, item):
        item["Config"] = "/etc/passwd"
    return saved(d, bend=bend)


@case("archive-config-missing", "a docker archive without its config", 4, NO_IMAGE)
def config_missing(d):
    def bend(parts, item):
        parts.pop()
    return saved(d, bend=bend)


@case("archive-diff-id-wrong", "a config with a wrong diff ID", 1, "a digest that lies", finding=("integrity", None))
def diff_id_wrong(d):
    conf = as_json(image_config([sha(b"x")]))
    name = sha(conf)[7:] + ".json"
    return docker_archive(f"{d}/image.tar", [("l/layer.tar", TREE), (name, conf)],
                          [{"Config": name, "RepoTags": None, "Layers": ["l/layer.tar"]}])


@case("archive-config-name-wrong", "a config whose file name is another digest", (0, 1),
      "the name says it is a digest: a lie, or only a name")
def config_name(d):
    conf = as_json(image_config([sha(TREE)]))
    name = "0" * 64 + ".json"
    return docker_archive(f"{d}/image.tar", [("l/layer.tar", TREE), (name, conf)],
                          [{"Config": name, "RepoTags": ["a:b"], "Layers": ["l/layer.tar"]}])


@case("archive-manifest-twice", "two manifest.json, each naming other layers", (0, 2, 3, 4),
      "unpackers keep the last, docker load streams: one is read, or refused; no crash", coverage="content")
def manifest_twice(d):
    def bend(parts, item):
        parts.append(("manifest.json", as_json([{**item, "Layers": ["nothing"]}])))
    return saved(d, bend=bend)


@case("archive-manifest-first", "manifest.json as the first member", 0, "legal: order means nothing", listed="/etc/motd")
def manifest_first(d):
    parts, item = docker_members([TREE])
    return docker_archive(f"{d}/image.tar", [("manifest.json", as_json([item]))] + parts, None)


@case("archive-manifest-empty", "manifest.json is an empty list", 4, NO_IMAGE)
def manifest_empty(d):
    return docker_archive(f"{d}/image.tar", [("x", b"")], [])


@case("archive-manifest-object", "manifest.json is an object", 4, NO_IMAGE)
def manifest_object(d):
    return docker_archive(f"{d}/image.tar", [("x", b"")], {"Config": 5})


@case("archive-manifest-types", "manifest.json with numbers where names belong", 4, NO_IMAGE)
def manifest_types(d):
    return docker_archive(f"{d}/image.tar", [("x", b"")], [{"Config": 5, "RepoTags": {}, "Layers": [1]}])


@case("archive-manifest-deep", "manifest.json of 100,000 nested arrays", 4, NO_IMAGE)
def manifest_deep(d):
    return docker_archive(f"{d}/image.tar", [("x", b"")], b"[" * 100000 + b"]" * 100000)


@case("archive-manifest-huge", "manifest.json of 200 MiB", 4, "over the limit for a manifest: no image to be had")
def manifest_huge(d):
    def bend(parts, item):
        item["x"] = "y" * (200 << 20)
    return saved(d, bend=bend)


@case("archive-tags-escapes", "two images whose tags hold terminal escapes, none chosen", 2, "the list is shown escaped",
      terminal=True)
def tags_escapes(d):
    parts, one = docker_members([TREE], ["\x1b[2Ja:1", "\nclean: nothing was found"])
    more, two = docker_members([TREE], ["\x1b]0;x\x07b:2"], "b-")
    return docker_archive(f"{d}/image.tar", parts + more, [one, two])


@case("archive-cut", "a docker archive cut in the middle of a layer", (3, 4), "the layer is cut, or no manifest is left")
def archive_cut(d):
    parts, item = docker_members([TREE])
    docker_archive(f"{d}/image.tar", [("manifest.json", as_json([item]))] + parts[::-1], None)
    os.truncate(f"{d}/image.tar", os.path.getsize(f"{d}/image.tar") - 2048)
    return f"docker-archive:{d}/image.tar"


@case("archive-gzip-cut", "a gzipped docker archive cut in the middle", (3, 4), "cut: never clean")
def archive_gzip_cut(d):
    saved(d, archive(file("noise", os.urandom(100000))))
    with open(f"{d}/image.tar", "rb") as f:
        blob = gzip.compress(f.read())
    with open(f"{d}/image.tar", "wb") as f:
        f.write(blob[:len(blob) // 2])
    return f"docker-archive:{d}/image.tar"


@case("archive-member-beyond", "a member that claims 8 GiB", (3, 4), "cut: never clean")
def member_beyond(d):
    with open(f"{d}/image.tar", "wb") as f:
        f.write(entry("manifest.json", b"[]", size=8 ** 11 - 1))
    return f"docker-archive:{d}/image.tar"


@case("archive-gzip-layers", "a docker archive with gzip layers under layer.tar", 0, "podman and skopeo write such",
      listed="/etc/motd")
def gzip_layers(d):
    def bend(parts, item):
        parts[0] = (parts[0][0], gzip.compress(TREE, mtime=0))
    return saved(d, bend=bend)


@case("archive-pax-name-layer", "the layer's member is named by a pax path with ./ in front", 0, "names are compared cleaned",
      listed="/etc/motd")
def pax_name(d):
    def bend(parts, item):
        parts[0] = pax({"path": "./" + item["Layers"][0]}) + file("x", TREE)
    return saved(d, bend=bend)


@case("archive-oci-cut", "an oci-archive without index.json", 4, NO_IMAGE)
def oci_cut(d):
    with open(f"{d}/a.tar", "wb") as f:
        f.write(archive(file("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')))
    return f"oci-archive:{d}/a.tar"


@case("archive-oci-blob-link-out", "an oci-archive whose layer blob is a link to /etc/passwd", 3,
      "the archive has no such member; nothing of the machine is opened", coverage="content")
def oci_link_out(d):
    oci(f"{d}/l", TREE)
    entries = []
    for root, _, names in os.walk(f"{d}/l"):
        for name in names:
            path = os.path.join(root, name)
            inside = os.path.relpath(path, f"{d}/l")
            data = open(path, "rb").read()
            entries.append(symlink(inside, "/etc/passwd") if data == TREE else file(inside, data))
    with open(f"{d}/a.tar", "wb") as f:
        f.write(archive(*entries))
    return f"oci-archive:{d}/a.tar"


def no_image(name, attack, data, form="{}", exits=4):
    @case("none-" + name, attack, exits, NO_IMAGE)
    def build(d):
        with open(f"{d}/thing", "wb") as f:
            f.write(data)
        return form.format(f"{d}/thing")


no_image("empty-file", "an empty file", b"")
no_image("empty-archive", "an empty file as docker-archive", b"", "docker-archive:{}")
no_image("empty-oci", "an empty file as oci-archive", b"", "oci-archive:{}")
no_image("text", "a text file", b"hello\n" * 100)
no_image("noise", "noise as docker-archive", b"\xa5\x5a\x01" * 5000, "docker-archive:{}")
no_image("end-marker", "a tar of nothing but an end marker", END, "docker-archive:{}")
no_image("plain-tar", "a tar that is no image", archive(*usual()))
no_image("json", "a JSON file", json.dumps([{"Config": "x", "Layers": []}]).encode())
no_image("gzip-text", "a gzipped text", gzip.compress(b"hello\n" * 100))
no_image("one-header", "a docker-archive cut inside its first member", header("manifest.json", size=100), "docker-archive:{}")
no_image("file-as-folder", "oci-dir: of a file", b"x", "oci-dir:{}")
no_image("file-as-root", "dir: of a file", b"x", "dir:{}")
no_image("file-text", "file: of a text", b"hello\n" * 10, "file:{}", (0, 4))


@case("none-missing", "docker-archive: of a path that does not exist", 4, NO_IMAGE)
def none_missing(d):
    return f"docker-archive:{d}/nothing.tar"


@case("none-folder", "docker-archive: of a folder", 4, NO_IMAGE)
def none_folder(d):
    return f"docker-archive:{d}"


@case("none-empty-folder", "oci-dir: of an empty folder", 4, NO_IMAGE)
def none_empty_folder(d):
    return f"oci-dir:{d}"


@case("none-reference", "a reference with escapes, dots and a slash too many", (2, 4), "no reference; shown escaped", terminal=True)
def none_reference(d):
    return "registry:127.0.0.1:9/../\x1b[2J//x:y@z"


@case("none-empty-argument", "an empty image argument", (2, 4), "no reference")
def none_argument(d):
    return ""
