# Layers that fight over one path: whiteouts, duplicates, files over folders, links where folders should be, devices.
from case import case
from layout import oci
from tarmaker import (BLOCKDEV, CHAR, FIFO, archive, device, entry, file, folder, gnu_sparse, hardlink, symlink, usual)

ODD = "legal but odd: examined, usual verdict"


@case("device-files", "character and block devices, a fifo, with absurd numbers", 0, ODD,
      listed=("/dev/null", "/dev/sda", "/pipe"))
def devices(d):
    return oci(d, archive(*usual(), folder("dev"), device("dev/null"), device("dev/sda", BLOCKDEV, 8, 0),
                          device("dev/odd", CHAR, 0o7777777, 0o7777777), device("pipe", FIFO)))


@case("device-with-data", "a device and a fifo that claim a size and have no data", 0,
      "the size of a device means nothing: readers ignore it", listed="/after")
def device_with_data(d):
    return oci(d, archive(*usual(), entry("dev/zero", b"", CHAR, size=1 << 30), entry("pipe", b"", FIFO, size=512), file("after")))


@case("device-as-os-release", "etc/os-release and the package database are devices", (0, 3),
      "nothing is opened; a database that is there and no file may be said to be unreadable", coverage="packages")
def device_as_database(d):
    return oci(d, archive(*usual(), device("etc/os-release"), device("var/lib/dpkg/status", FIFO)))


@case("unknown-type", "an entry of the unknown type 'Z' with data", (0, 3),
      "POSIX takes unknown types as regular files; or said to be unread", coverage="content")
def unknown_type(d):
    return oci(d, archive(*usual(), entry("odd", b"data", b"Z"), file("after")), )


@case("contiguous-type", "an entry of type 7 (contiguous file)", 0, "a regular file by POSIX", listed=("/seven", "/after"))
def contiguous(d):
    return oci(d, archive(*usual(), entry("seven", b"data", b"7"), file("after")))


@case("whiteout-empty-name", "a whiteout with no name: .wh.", (0, 3), "it names nothing; nothing may vanish by it",
      coverage="content", listed="/etc/motd")
def whiteout_empty(d):
    return oci(d, archive(*usual()), archive(file(".wh.", b""), file("etc/.wh.", b"")))


@case("whiteout-dot", "whiteouts of . (.wh..)", (0, 3), "a whiteout of / is not obeyed: nothing may vanish by it",
      coverage="content", listed="/etc/motd")
def whiteout_dot(d):
    return oci(d, archive(*usual()), archive(file(".wh..", b"")))


@case("whiteout-dotdot", "etc/.wh... (a whiteout of ..)", (0, 3), "a whiteout of the parent is not obeyed", coverage="content",
      listed="/etc/motd")
def whiteout_dotdot(d):
    return oci(d, archive(*usual()), archive(file("etc/.wh...", b"")))


@case("whiteout-slash", "a pax path .wh./ and .wh./etc", (0, 3), "a name with a slash is no whiteout of what follows it",
      coverage="content", listed="/etc/motd")
def whiteout_slash(d):
    return oci(d, archive(*usual()), archive(folder(".wh./"), file(".wh./etc", b"")))


@case("whiteout-whiteout", ".wh..wh.motd: a whiteout of a whiteout", (0, 3), "it names a file .wh.motd, of which there is none",
      coverage="content", listed="/etc/motd")
def whiteout_whiteout(d):
    return oci(d, archive(*usual()), archive(file("etc/.wh..wh.motd", b"")))


@case("whiteout-in-first-layer", "a whiteout in the lowest layer, of nothing", 0, ODD, listed="/etc/motd")
def whiteout_first(d):
    return oci(d, archive(file("etc/.wh.ghost", b""), *usual()))


@case("whiteout-as-folder", "a whiteout that is a folder, and one that is a link", (0, 3),
      "obeyed by name as unpackers do, or said to be odd; no crash", coverage="content")
def whiteout_folder(d):
    return oci(d, archive(*usual()), archive(folder("etc/.wh.motd"), symlink("usr/.wh.readme", "x")))


@case("whiteout-with-data", "a whiteout that carries 100,000 bytes", 0, "its name counts, its data is ignored",
      hidden="/etc/motd", unlisted="/etc/motd")
def whiteout_data(d):
    return oci(d, archive(*usual()), archive(file("etc/.wh.motd", b"w" * 100000)))


@case("whiteout-then-file", "one layer: whiteout of etc/motd, then a new etc/motd", 0,
      "a whiteout hides lower layers only; the file of its own layer stays", listed="/etc/motd", hidden="/etc/motd")
def whiteout_then_file(d):
    return oci(d, archive(*usual()), archive(file("etc/.wh.motd", b""), file("etc/motd", "new\n")))


@case("file-then-whiteout", "one layer: a new etc/motd, then its whiteout", 0,
      "a whiteout hides lower layers only, in whatever order the entries stand", listed="/etc/motd", hidden="/etc/motd")
def file_then_whiteout(d):
    return oci(d, archive(*usual()), archive(file("etc/motd", "new\n"), file("etc/.wh.motd", b"")))


@case("opaque-at-root", "an opaque marker at the root of layer 1", 0, "legal: everything below is hidden, and still examined",
      listed="/new", hidden=("/etc/motd", "/usr/readme"), unlisted="/etc/motd")
def opaque_root(d):
    return oci(d, archive(*usual()), archive(file(".wh..wh..opq", b""), file("new")))


@case("opaque-after-files", "files of etc, then etc's opaque marker, in one layer", 0,
      "an opaque marker hides lower layers only, in whatever order the entries stand", listed="/etc/new", hidden="/etc/motd")
def opaque_after(d):
    return oci(d, archive(*usual()), archive(folder("etc"), file("etc/new"), file("etc/.wh..wh..opq", b"")))


@case("opaque-through-link", "layer 1: lnk links to etc; layer 2: lnk/.wh..wh..opq", (0, 3),
      "the link is followed inside the root or replaced; nothing crashes", coverage="content")
def opaque_link(d):
    return oci(d, archive(*usual(), symlink("lnk", "etc")), archive(file("lnk/.wh..wh..opq", b"")))


@case("whiteout-of-parent-and-child", "usr hidden, and usr/new written, in one layer", 0, ODD,
      listed="/usr/new", hidden="/usr/readme", unlisted="/usr/readme")
def whiteout_parent(d):
    return oci(d, archive(*usual()), archive(file(".wh.usr", b""), folder("usr"), file("usr/new")))


@case("duplicate-entries", "one file 500 times in one layer, each with other content", 0,
      "the last counts, as unpackers leave it; the others are examined too", listed="/twice")
def duplicates(d):
    return oci(d, archive(*usual(), *(file("twice", f"content {i}\n") for i in range(500))))


@case("file-over-folder", "layer 1 puts a file where layer 0 has a folder with files", 0, ODD,
      listed="/etc", hidden="/etc/motd", unlisted="/etc/motd")
def file_over_folder(d):
    return oci(d, archive(*usual()), archive(file("etc", "now a file\n")))


@case("folder-over-file", "layer 1 puts a folder with files where layer 0 has a file", 0, ODD, listed="/etc/motd/inside",
      hidden="/etc/motd")
def folder_over_file(d):
    return oci(d, archive(*usual()), archive(folder("etc/motd"), file("etc/motd/inside")))


@case("file-over-folder-same-layer", "a folder with files, then a file of its name, in one layer", (0, 3),
      "unpackers fail or replace; the content is examined either way", coverage="content")
def file_over_folder_same(d):
    return oci(d, archive(*usual(), folder("p"), file("p/q"), file("p", "file now\n")))


@case("entry-below-file", "a file etc/motd and then etc/motd/below, in one layer", (0, 3),
      "unpackers fail or replace; the content is examined either way", coverage="content")
def entry_below_file(d):
    return oci(d, archive(*usual(), file("etc/motd/below")))


@case("link-as-folder-lower", "layer 0: lib links to usr/lib; layer 1: files below lib", 0,
      "the merged-usr pattern: the file is usr/lib/new", listed="/usr/lib/new")
def link_lower(d):
    return oci(d, archive(*usual(), folder("usr/lib"), symlink("lib", "usr/lib")), archive(file("lib/new")))


@case("link-over-folder", "layer 0: folder etc with files; layer 1: etc links to usr", 0, ODD, listed="/etc",
      hidden="/etc/motd", unlisted="/etc/motd")
def link_over_folder(d):
    return oci(d, archive(*usual()), archive(symlink("etc", "usr")))


@case("link-as-folder-dangling", "layer 0: opt links to nowhere; layer 1: opt/x/new", (0, 3),
      "unpackers differ: the target is made, the link is replaced, or the layer fails", coverage="content")
def link_dangling(d):
    return oci(d, archive(*usual(), symlink("opt", "nowhere/at/all")), archive(file("opt/x/new")))


@case("setuid-bits", "modes with every bit set, and modes beyond twelve bits", 0, ODD, listed=("/suid", "/all"))
def setuid(d):
    return oci(d, archive(*usual(), file("suid", mode=0o6755), file("all", mode=0o7777777)))


@case("hardlink-with-size", "a hard link that claims 1 MiB and has no data", 0,
      "GNU and Go ignore the size of a link; what follows is the next header", listed=("/linked", "/after"))
def hardlink_size(d):
    return oci(d, archive(*usual(), hardlink("linked", "etc/motd", size=1 << 20), file("after")))


@case("hardlink-to-symlink", "a hard link to a symbolic link that dangles", 0, "it is that symbolic link once more",
      listed=("/s", "/h"))
def hardlink_symlink(d):
    return oci(d, archive(*usual(), symlink("s", "nowhere"), hardlink("h", "s")))


@case("sparse-under-whiteout", "a sparse file of 64 MiB that a whiteout hides", 0, "hidden files are examined too",
      hidden="/hole", unlisted="/hole")
def sparse_hidden(d):
    return oci(d, archive(*usual(), gnu_sparse("hole", 64 << 20, [(0, 4)], b"data")), archive(file(".wh.hole", b"")))


@case("thousand-layers-one-file", "200 layers that replace one file each time", 0, "the last counts; the others are hidden",
      listed="/etc/motd", hidden="/etc/motd")
def many_layers(d):
    return oci(d, *(archive(file("etc/motd", f"{i}\n")) for i in range(200)))
