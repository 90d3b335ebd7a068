# Package databases and os-release files that are broken or lie. A database that is there and cannot be read is a coverage
# row of the question `packages`; one that is odd but readable is read.
import base64

from case import case
from layout import gzipped, oci
from tarmaker import archive, device, file, folder, hardlink, symlink, usual

UNREAD = "the database is there and could not be read"
ODD = "legal but odd: read, usual verdict"
STATUS = "var/lib/dpkg/status"
RELEASE = b'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nNAME="Debian GNU/Linux"\n'


def record(name="honest", version="1.0-1", more=""):
    return (f"Package: {name}\nStatus: install ok installed\nMaintainer: x <x@example.org>\nArchitecture: amd64\n"
            f"Version: {version}\n{more}Description: text\n\n").encode("utf-8", "surrogateescape")


def image(d, *entries, release=RELEASE):
    return oci(d, gzipped(archive(*usual(), file("etc/os-release", release), *entries), 1))


def database(name, attack, exits, why, path, data, **more):
    @case(name, attack, exits, why, coverage="packages" if exits != 0 else "", **more)
    def build(d):
        return image(d, file(path, data() if callable(data) else data))


database("dpkg-control", "an honest status file", 0, "the control", STATUS, record())
database("dpkg-empty", "a status file of no bytes", 0, "no package is installed", STATUS, b"")
database("dpkg-one-line-100m", "a status file that is one line of 100 MB without an end", 3, UNREAD, STATUS,
         lambda: b"Package: " + b"A" * 100_000_000)
database("dpkg-noise", "a status file of noise", 3, UNREAD, STATUS, bytes(range(256)) * 300)
database("dpkg-nuls", "a status file of 1 MiB of zero bytes", 3, UNREAD, STATUS, bytes(1 << 20))
database("dpkg-no-name", "records without a name", 3, UNREAD, STATUS, record().replace(b"Package: honest\n", b""))
database("dpkg-cut", "a status file cut inside a record", 3, UNREAD, STATUS, record() + record("cut")[:80])
database("dpkg-no-final-newline", "a status file without its last newlines", 3, "dpkg refuses it too: what follows may be missing", STATUS, record().rstrip(b"\n"))
database("dpkg-crlf", "a status file with DOS line ends", (0, 3), "read or refused", STATUS, record().replace(b"\n", b"\r\n"))
database("dpkg-escapes", "package names and versions with terminal escapes and newlines", (0, 3), "no names; refused, or shown escaped",
         STATUS, record("\x1b[2Jevil", "1.0\x1b]0;x\x07") + record("lib\x9b31m", "1\b\b2") + record("bad\udcff", "\r9"), terminal=True)
database("dpkg-versions-odd", "versions of 100,000 digits, of signs only, with three epochs", (0, 3), "no versions; refused, or compared",
         STATUS, record("xz-utils", "9" * 100000) + record("liblzma5", "~~--++") + record("a", "1:2:3-4-5") + record("b", "4294967296:1"))
database("dpkg-many", "200,000 packages", 0, ODD, STATUS, lambda: b"".join(record(f"p{i}") for i in range(200_000)), memory=400)
database("dpkg-same-name", "one package 50,000 times", (0, 3), "the last counts, or refused", STATUS, record() * 50_000)
database("dpkg-fields-million", "a record of 500,000 fields", (0, 3), "read, or over a named limit", STATUS,
         lambda: record(more="".join(f"X-{i}: y\n" for i in range(500_000))))
database("dpkg-continued", "a description of 500,000 lines", (0, 3), "read, or over a named limit", STATUS,
         lambda: record(more="Conffiles:\n" + " /etc/x 0123456789abcdef0123456789abcdef\n" * 500_000))
database("apk-noise", "an apk database of noise", 3, UNREAD, "lib/apk/db/installed", bytes(range(256)) * 300)
database("apk-one-line", "an apk database that is one line of 100 MB", 3, UNREAD, "lib/apk/db/installed", lambda: b"P:" + b"a" * 100_000_000)
database("apk-traversal", "an apk database with files under F:../../etc and R:../x", (0, 3), "names inside the root; read or refused",
         "lib/apk/db/installed", b"C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:p\nV:1-r0\nA:x86_64\nF:../../etc\nR:../x\nZ:Q1bad!\n\n")
database("apk-escapes", "an apk package with terminal escapes", (0, 3), "no name; refused, or shown escaped", "lib/apk/db/installed",
         b"C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:\x1b[2Jp\nV:1\x1b[0m-r0\nA:x86_64\n\n", terminal=True)
database("alpm-noise", "a pacman desc of noise", 3, UNREAD, "var/lib/pacman/local/p-1-1/desc", bytes(range(256)) * 30)
database("alpm-no-name", "a pacman desc without %NAME%", 3, UNREAD, "var/lib/pacman/local/p-1-1/desc", b"%VERSION%\n1-1\n\n")
database("alpm-mtree-bomb", "a pacman mtree that is a gzip bomb of 1 GiB", (0, 3), "bounded: ownership may be unknown, packages are not",
         "var/lib/pacman/local/p-1-1/mtree", lambda: bomb(1024))
database("statusd-names", "status.d with names that are no base64, traversal in base64, and a folder", (0, 3),
         "names mean little: the records count", "var/lib/dpkg/status.d/" + base64.b64encode(b"../../etc/x").decode(), record())
database("md5sums-hostile", "md5sums with traversal, short digests, noise and a line of 1 MB", 0, "integrity never decides alone",
         "var/lib/dpkg/info/honest.md5sums", b"d41d8cd98f00b204e9800998ecf8427e  ../../../../etc/shadow\nzz  x\n\xff\xfe\n" + b"a" * 1_000_000)
database("list-hostile", "a dpkg file list with traversal, noise and 200,000 lines", 0, "ownership never decides alone",
         "var/lib/dpkg/info/honest.list", lambda: b"/../../etc/shadow\n/.\n\xff\n" + b"/usr/share/x\n" * 200_000)


OVER = "over the limit for a database: its packages are not known"
for where, name in (("var/lib/dpkg/status.d/base", "statusd"), ("var/lib/pacman/local/p-1-1/desc", "alpm"), ("lib/apk/db/installed", "apk"),
                    ("usr/lib/sysimage/rpm/rpmdb.sqlite-wal", "rpm-wal")):
    database(f"{name}-65m", f"{where} of 65 MiB", 3, OVER, where, lambda: b"\n" * (65 << 20), says=where)
database("list-65m", "a dpkg file list of 65 MiB", 0, "ownership never decides alone", "var/lib/dpkg/info/honest.list", lambda: b"/x\n" * (65 << 18) * 2)


@case("dpkg-rows-of-one-name", "5,000 rows of one name, and a file list of 20,000 lines for it", 0, "the list is read once")
def rows_of_one_name(d):
    names = [f"d/{i}" for i in range(20_000)]
    return image(d, file(STATUS, b"".join(record(version=f"{i}") for i in range(5000))), *(file(n, b"") for n in names),
                 file("var/lib/dpkg/info/honest.list", "".join(f"/{n}\n" for n in names).encode()))


def bomb(mebibytes):
    import zlib
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(deflate.compress(bytes(1 << 20)) for _ in range(mebibytes)) + deflate.flush()


@case("dpkg-link-out", "the status file is a link to ../../../../../../var/lib/dpkg/status of the machine", (0, 3),
      "inside the root it is a link to itself; the machine's database is not read", coverage="packages")
def dpkg_link_out(d):
    return image(d, symlink(STATUS, "../../../../../../../../var/lib/dpkg/status"))


@case("dpkg-through-link", "var/lib/dpkg is a link to ../../opt/db, where a status file is", 0, "followed inside the root")
def dpkg_through_link(d):
    return image(d, symlink("var/lib/dpkg", "../../opt/db"), file("opt/db/status", record()))


@case("dpkg-is-folder", "the status file is a folder", (0, 3), "no file is there; or said", coverage="packages")
def dpkg_folder(d):
    return image(d, folder(STATUS))


@case("dpkg-is-device", "the status file is /dev/zero's device", (0, 3), "never opened", coverage="packages")
def dpkg_device(d):
    return image(d, device(STATUS, minor=5))


@case("dpkg-hardlinked", "the status file is a hard link to a file elsewhere", 3, "what was read under another name was read as no database", coverage="packages")
def dpkg_hardlink(d):
    return image(d, file("opt/status", record()), hardlink(STATUS, "opt/status"))


@case("dpkg-two-layers", "a whole status file below, a broken one above", 3, "the one that counts cannot be read", coverage="packages")
def dpkg_two(d):
    return oci(d, archive(*usual(), file("etc/os-release", RELEASE), file(STATUS, record())), archive(file(STATUS, bytes(5000))))


@case("dpkg-broken-replaced", "a broken status file below, a whole one above", (0, 3), "the one that counts is read",
      coverage="packages")
def dpkg_replaced(d):
    return oci(d, archive(*usual(), file("etc/os-release", RELEASE), file(STATUS, bytes(5000))), archive(file(STATUS, record())))


def release(name, attack, data, why="legal but odd: the release is unknown or odd, the content was examined", **more):
    @case("release-" + name, attack, 0, why, **more)
    def build(d):
        return image(d, release=data() if callable(data) else data)


release("escapes", "os-release with terminal escapes, newlines and quotes", b'ID="\x1b[2Jdebian"\nVERSION_ID="1\x072"\nPRETTY_NAME="$(reboot) `id`\x9b"\n',
        terminal=True)
release("long", "os-release with an ID of 1 MB", b"ID=" + b"d" * 1_000_000 + b"\n", terminal=True)
release("huge", "os-release of 100 MB", lambda: b"ID=debian\n" + b"#" * 100_000_000)
release("noise", "os-release of noise", bytes(range(256)) * 100, terminal=True)
release("unclosed", "os-release with quotes that never close", b'ID="debian\nVERSION_ID=\'12\nNAME=\\\n')
release("twice", "os-release with ID three times", b"ID=debian\nID=alpine\nID=\n")


@case("release-link-cycle", "etc/os-release and usr/lib/os-release link to each other", 0, "the release is unknown; the content was examined")
def release_cycle(d):
    return oci(d, archive(*usual(), symlink("etc/os-release", "../usr/lib/os-release"), symlink("usr/lib/os-release", "/etc/os-release")))


@case("release-link-out", "etc/os-release links to ../../../../../../etc/hostname", 0, "inside the root there is none; the machine's is not read")
def release_out(d):
    return oci(d, archive(*usual(), symlink("etc/os-release", "../../../../../../etc/hostname")))


@case("scripts-hostile", "entry scripts and unit files with endless includes, noise and lines of 1 MB", 0,
      "what starts is a question of reachability, which never decides")
def scripts(d):
    return image(d, file("usr/bin/true", b"#!/bin/sh\n. /usr/bin/true\nexec /usr/bin/true " + b"x" * 1_000_000, mode=0o755),
                 file("etc/systemd/system/a.service", b"[Service]\nExecStart=\x1b[2J" + b"\\\n" * 100_000),
                 file("etc/ld.so.conf", b"include /etc/ld.so.conf\ninclude /etc/*\ninclude " + b"*/" * 5000 + b"\n"))


@case("ld-conf-cycle", "ld.so.conf files that include each other 500 times over", 0, "each is read once")
def ld_conf(d):
    files = [file(f"etc/ld.so.conf.d/{i}.conf", b"include /etc/ld.so.conf.d/*.conf\n/usr/lib/x\n") for i in range(500)]
    return image(d, file("etc/ld.so.conf", b"include ld.so.conf.d/*.conf\n"), *files)
