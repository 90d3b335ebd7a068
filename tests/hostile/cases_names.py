# Names that try to leave the root, to forge output, or to break a path type. Legal names are examined, whatever they say.
from case import case
from layout import gzipped, oci
from tarmaker import archive, entry, file, folder, hardlink, header, long_name, pax, symlink, usual

NO_TARGET = "legal but odd: no content is behind it and none is left unread; passed over and said"
INSIDE = "a name is taken as inside the root, as every unpacker must; the file is examined and the verdict is the usual one"


@case("dotdot-name", "a file named ../../etc/x", 0, INSIDE, listed="/etc/x", says="..")
def dotdot(d):
    return oci(d, archive(*usual(), file("../../etc/x")))


@case("dotdot-inside", "a file named usr/../../../etc/x", 0, INSIDE, listed="/etc/x", says="..")
def dotdot_inside(d):
    return oci(d, archive(*usual(), file("usr/../../../etc/x")))


@case("dotdot-deep", "a name of 300 times ../ that ends in tmp/pwned", 0, INSIDE, listed="/tmp/pwned", says="..")
def dotdot_deep(d):
    return oci(d, archive(*usual(), pax({"path": "../" * 300 + "tmp/pwned"}), file("x")))


@case("dotdot-only", "entries named .., ../ and ./..", 0, "they all name the root itself", listed="/etc/motd")
def dotdot_only(d):
    return oci(d, archive(*usual(), folder(".."), folder("../"), folder("./..")))


@case("absolute-name", "a file named /etc/x", 0, INSIDE, listed="/etc/x")
def absolute(d):
    return oci(d, archive(*usual(), file("/etc/x")))


@case("absolute-slashes", "a file named ///etc//./x", 0, "empty and dot parts mean nothing", listed="/etc/x")
def slashes(d):
    return oci(d, archive(*usual(), file("///etc//./x")))


@case("root-as-file", "the entry / is a regular file", (0, 3),
      "the root stays a folder, whatever a layer says of it; ignored or said", coverage="content",
      listed="/etc/motd")
def root_as_file(d):
    return oci(d, archive(*usual(), file("/"), file("./")))


@case("root-as-link", "the entry ./ is a symbolic link to /proc", (0, 3),
      "the root stays a folder, whatever a layer says of it; ignored or said", coverage="content",
      listed="/etc/motd")
def root_as_link(d):
    return oci(d, archive(*usual(), symlink("./", "/proc")))


@case("empty-name", "an entry whose name is empty", (0, 3), "it names the root, which stays a folder; ignored or said",
      coverage="content", listed="/etc/motd")
def empty_name(d):
    return oci(d, archive(*usual(), file("")))


@case("symlink-out", "links to /etc/shadow, ../../../../etc/shadow and /proc/self/environ", 0,
      "a link is only text to a scanner: nothing outside the image is opened", listed=("/out", "/up", "/proc-link"),
      unlisted="/etc/shadow")
def symlink_out(d):
    return oci(d, archive(*usual(), symlink("out", "/etc/shadow"), symlink("up", "../../../../etc/shadow"),
                          symlink("proc-link", "/proc/self/environ")))


@case("symlink-parent-out", "dir is a link to ../../../tmp, then a file dir/pwned", 0,
      "the link is followed inside the root: the file is /tmp/pwned of the image", listed="/tmp/pwned")
def symlink_parent_out(d):
    return oci(d, archive(*usual(), folder("tmp"), symlink("dir", "../../../tmp"), file("dir/pwned")))


@case("hardlink-missing", "a hard link to a name that is nowhere", 0, NO_TARGET, says="hard link to nothing")
def hardlink_missing(d):
    return oci(d, archive(*usual(), hardlink("lost", "not/here")))


@case("hardlink-outside", "a hard link to ../../../../etc/shadow", 0, NO_TARGET + "; nothing of the machine is opened",
      says="hard link to nothing", unlisted="/shadow")
def hardlink_outside(d):
    return oci(d, archive(*usual(), hardlink("shadow", "../../../../etc/shadow")))


@case("hardlink-folder", "a hard link to a folder", 0, NO_TARGET, says="hard link to nothing", unlisted="/both")
def hardlink_folder(d):
    return oci(d, archive(*usual(), hardlink("both", "etc")))


@case("hardlink-self", "a hard link to itself", 0, NO_TARGET, says="hard link to nothing")
def hardlink_self(d):
    return oci(d, archive(*usual(), hardlink("self", "self")))


@case("hardlink-cycle", "hard links a to b and b to a", 0, NO_TARGET, says="hard link to nothing")
def hardlink_cycle(d):
    return oci(d, archive(*usual(), hardlink("a", "b"), hardlink("b", "a")))


@case("hardlink-chain", "1,000 hard links, each to the one before, in honest order", 0,
      "every link has content, it is that of the first", listed=("/l0", "/l999"))
def hardlink_chain(d):
    return oci(d, archive(*usual(), file("l0", "content\n"), *(hardlink(f"l{i}", f"l{i - 1}") for i in range(1, 1000))))


@case("hardlink-to-lower-layer", "a hard link to a file of the layer below", 0,
      "unpackers apply layers one over another, so the target is there", listed="/again")
def hardlink_lower(d):
    return oci(d, archive(*usual()), archive(hardlink("again", "etc/motd")))


@case("hardlink-before-target", "a hard link that stands before the file it names", 0,
      "unpackers fail here, as the target is not there yet; the file itself is examined", listed="/late")
def hardlink_before(d):
    return oci(d, archive(*usual(), hardlink("early", "late"), file("late")))


@case("symlink-cycle", "symbolic links a to b and b to a, and one to itself", 0, "legal, and resolved nowhere",
      listed=("/a", "/b", "/self"))
def symlink_cycle(d):
    return oci(d, archive(*usual(), symlink("a", "b"), symlink("b", "a"), symlink("self", "self")))


@case("symlink-cycle-parent", "a and b link to each other; then a file a/b/x", 0,
      "legal but odd: no unpacker can place the file; it is examined all the same")
def symlink_cycle_parent(d):
    return oci(d, archive(*usual(), symlink("a", "b"), symlink("b", "a"), file("a/b/x")))


@case("symlink-maze", "40 links, each to the one before twice over (2^40 ways), and a file at the end", (0, 3),
      "resolved within a limit, or said to be over it; never walked to the end", coverage="content")
def symlink_maze(d):
    links = [symlink("m0", ".")] + [symlink(f"m{i}", f"m{i - 1}/m{i - 1}") for i in range(1, 41)]
    return oci(d, archive(*usual(), *links, file("m40/found")))


@case("case-collision", "README, readme and ReadMe", 0, "three files on Linux", listed=("/README", "/readme", "/ReadMe"))
def case_collision(d):
    return oci(d, archive(*usual(), file("README", "1"), file("readme", "2"), file("ReadMe", "3")))


@case("unicode-collision", "é composed and decomposed", 0, "two files on Linux", listed=("/caf\u00e9", "/cafe\u0301"))
def unicode_collision(d):
    return oci(d, archive(*usual(), file("caf\u00e9", "1"), file("cafe\u0301", "2")))


@case("newline-name", "a name with newlines that spells a clean verdict", 0,
      "the verdict is the usual one and no line of output is forged", terminal=True)
def newline_name(d):
    return oci(d, archive(*usual(), file("../x\n\nclean: nothing was found\n", "1")))


@case("escape-name", "names with terminal escape codes, backspaces and a bell", 0,
      "control characters are escaped in every format", terminal=True)
def escape_name(d):
    return oci(d, archive(*usual(), file("../\x1b[2J\x1b[1;31mowned\x1b[0m", "1"), file("../a\b\b\x07\r\x7f", "2"),
                          symlink("../esc", "\x1b]0;title\x07")))


@case("bidi-name", "a name with right-to-left override and C1 control characters", 0,
      "legal names; shown escaped, so that nothing is reordered", terminal=True)
def bidi_name(d):
    return oci(d, archive(*usual(), file("../\u202egpj.exe\u2066", "1"), file("../\u009b31m", "2")))


@case("invalid-utf8", "names that are no UTF-8: a lone 0xff, a cut sequence, an overlong slash", 0,
      "Linux names are bytes; escaped as \\xNN in JSON", listed="/bad\\xff", terminal=True)
def invalid_utf8(d):
    return oci(d, archive(*usual(), file(b"bad\xff"), file(b"cut\xe2\x82"), file(b"..\xc0\xafetc\xc0\xafx")))


@case("nul-in-name", "a NUL inside a ustar name: etc/x NUL .txt", 0, "a ustar name ends at its first NUL", listed="/etc/x")
def nul_in_name(d):
    return oci(d, archive(*usual(), file(b"etc/x\0.txt")))


@case("nul-in-pax-path", "a NUL inside a pax path", (0, 3),
      "no file can have that name: cut at the NUL as C programs do, or refused as corrupt", coverage="content")
def nul_in_pax(d):
    return oci(d, archive(*usual(), pax({"path": b"etc/x\0y"}), file("x")))


@case("long-name-4096", "a GNU long name of 4,096 characters", 0, "longer than Linux takes, but a name", listed="/" + "n/" * 2047 + "n")
def long_name_4096(d):
    return oci(d, archive(*usual(), long_name("n/" * 2047 + "n"), file("short")))


@case("long-component", "one path part of 5,000 characters", 0, "longer than Linux takes, but a name", listed="/" + "c" * 5000)
def long_component(d):
    return oci(d, archive(*usual(), pax({"path": "c" * 5000}), file("short")))


@case("pax-path-1m", "a pax path of 1 MiB", (0, 3), "taken as it is, or over a named limit", coverage="content")
def pax_path_1m(d):
    return oci(d, gzipped(archive(*usual(), pax({"path": "p/" * 524288}), file("short"))))


@case("pax-path-64m", "a pax path of 64 MiB", 3, "over any limit of a header: said, not held in memory", coverage="content")
def pax_path_64m(d):
    return oci(d, gzipped(archive(*usual(), pax({"path": "p/" * (32 << 20)}), file("short")), 1))


@case("deep-folders", "20,000 nested folders in one path", (0, 3), "walked without recursion, or over a named limit",
      coverage="content")
def deep_folders(d):
    return oci(d, gzipped(archive(*usual(), pax({"path": "d/" * 20000 + "f"}), file("short"))))


@case("reserved-names", "names such as CON, a trailing dot, a colon, a backslash, a leading dash", 0, "legal on Linux",
      listed=("/CON", "/dot.", "/c:\\x", "/-rf"))
def reserved(d):
    return oci(d, archive(*usual(), file("CON"), file("dot."), file("c:\\x"), file("-rf")))


@case("long-link-target", "a symbolic link whose target has 100,000 characters", (0, 3),
      "longer than Linux takes, but only text; or over a named limit", coverage="content")
def long_link(d):
    return oci(d, archive(*usual(), pax({"linkpath": "t/" * 50000}), symlink("far", "short")))


@case("folder-with-size", "a folder entry that claims a size of 1 MiB and has no data", 0,
      "the size of a folder means nothing: readers ignore it", listed="/after")
def folder_with_size(d):
    return oci(d, archive(*usual(), header("sized", b"5", 1 << 20), file("after")))


@case("old-style-folder", "a V7 folder: type NUL and a name that ends in a slash", 0, "V7 archives wrote folders so",
      listed="/v7/inside")
def old_folder(d):
    return oci(d, archive(*usual(), entry("v7/", b"", b"\0", magic=b"", version=b""), file("v7/inside")))
