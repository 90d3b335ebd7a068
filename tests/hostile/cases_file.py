# file: of one file that holds others. What careen opens (an ELF file, a .deb, a .rpm, an .apk of version 2) is judged by what
# is inside; any other container is a file whose content was not looked at, and never clean.
import bz2
import gzip
import io
import lzma
import os
import subprocess
import zipfile

from case import case
from elfmaker import infected
from tarmaker import archive, file, usual

UNOPENED = "what is inside was not read: that is said, and it is not clean"
TAR = archive(*usual(), file("usr/lib/libstandin.so.1", infected().build()))


def one(name, attack, exits, why, as_name, data, **more):
    @case("file-" + name, attack, exits, why, coverage=more.pop("coverage", "content" if exits == 3 else ""), **more)
    def build(d):
        with open(f"{d}/{as_name}", "wb") as f:
            f.write(data() if callable(data) else data)
        return f"file:{d}/{as_name}"


def ar(*members):
    return b"!<arch>\n" + b"".join(
        b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (name, 0, 0, 0, b"100644", len(data)) + data + b"\n" * (len(data) % 2) for name, data in members)


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr("libstandin.so.1", infected().build())
    return out.getvalue()


def cpio(name, data):
    def record(name, data, mode):
        head = b"070701" + b"".join(b"%08X" % v for v in (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
        head += name + b"\0"
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    return record(name, data, 0o100644) + record(b"TRAILER!!!", b"", 0)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


def apk(control, *entries):
    """An .apk of version 2: two gzip members that are one tar stream together."""
    head = b"".join(control)
    return gzip.compress(head, mtime=0) + gzip.compress(archive(*entries), mtime=0)


PKGINFO = b"pkgname = honest\npkgver = 1.0-r0\narch = x86_64\n"


def deb(control):
    return ar((b"debian-binary", b"2.0\n"), (b"control.tar.gz", gzip.compress(archive(*control), 1, mtime=0)),
              (b"data.tar.gz", gzip.compress(archive(file("usr/share/x")), mtime=0)))


CONTROL = b"Package: honest\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: x <x@example.org>\nDescription: text\n"

# --- containers that are not opened, each with the stand-in inside
one("tar", "a tar with a tampered library inside", 3, UNOPENED, "layer.tar", TAR)
one("tar-other-name", "the same under the name of a library", 3, UNOPENED, "libx.so.1", TAR)
one("ar", "an ar archive (a static library) with a tampered object inside", 3, UNOPENED, "libx.a", lambda: ar((b"x.o/", infected().build())))
one("ar-thin", "a thin ar archive, which holds names alone", 3, UNOPENED, "libx.a", b"!<thin>\n" + ar((b"x.o/", b""))[8:])
one("zip", "a zip with a tampered library inside", 3, UNOPENED, "x.zip", zipped)
one("jar", "the same as a Java archive", 3, UNOPENED, "x.jar", zipped)
one("gzip", "a gzip file of a tampered library", 3, UNOPENED, "x.so.gz", lambda: gzip.compress(infected().build(), mtime=0))
one("gzip-tar", "a compressed tar named .apk.tgz", 3, UNOPENED, "x.apk.tgz", lambda: gzip.compress(TAR, mtime=0))
one("xz", "an xz file of a tampered library", 3, UNOPENED, "x.so.xz", lambda: lzma.compress(infected().build()))
one("bzip2", "a bzip2 file of a tampered library", 3, UNOPENED, "x.so.bz2", lambda: bz2.compress(infected().build()))
one("zstd", "a zstd file of a tampered library", 3, UNOPENED, "x.so.zst", lambda: zstd(infected().build()))
one("cpio", "a cpio archive with a tampered library inside", 3, UNOPENED, "x.cpio", lambda: cpio(b"libstandin.so.1", infected().build()))
one("7z", "a 7z archive by its first bytes", 3, UNOPENED, "x.7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(range(256)))
one("apk3", "an .apk of version 3 (ADB), which is not opened", 3, UNOPENED, "x.apk", b"ADBd" + bytes(range(256)) * 4)
one("apk3-plain", "an .apk of version 3 without compression", 3, UNOPENED, "x.apk", b"ADB." + bytes(range(256)) * 4)

# --- what is no container
one("plain", "a text", 0, "all of it was looked at", "notes.txt", b"a plain text\n" * 20)
one("plain-short", "a file of one byte", 0, "all of it was looked at", "x", b"x")
one("plain-noise", "noise", 0, "all of it was looked at", "x.bin", bytes(range(255, -1, -1)) * 8)
one("plain-late-magic", "a text that speaks of ustar and PK far behind its beginning", 0, "a container begins as one", "x.txt",
    b"a text " * 100 + b"ustar PK\x03\x04 ADBd !<arch>\n")

# --- packages
one("apk", "an honest .apk with its .PKGINFO", 0, "the control", "x.apk", lambda: apk([file(".PKGINFO", PKGINFO)], file("usr/share/x")),
    listed="/usr/share/x")
one("apk-nameless", "an .apk without .PKGINFO", 3, "which package it is, is not known", "x.apk", lambda: apk([], file("usr/share/x")),
    coverage="packages")
one("apk-pkginfo-empty", "an .apk whose .PKGINFO names no package", 3, "which package it is, is not known", "x.apk",
    lambda: apk([file(".PKGINFO", b"# nothing\n")], file("usr/share/x")), coverage="packages")
one("deb", "an honest .deb", 0, "the control", "x.deb", lambda: deb([file("./control", CONTROL)]), listed="/usr/share/x")
one("deb-control-17m", "a .deb whose control file is over 16 MiB", 3, "over the limit for it: which package it is, is not known", "x.deb",
    lambda: deb([file("./control", CONTROL + b"X-Pad: " + b"x" * (17 << 20) + b"\n")]), coverage="packages")


@case("file-rpm-links", "an .rpm whose tampered library has three names, its bytes behind the last of them", 1,
      "every name has the content, as rpm unpacks it", finding=("backdoor", "structure"),
      listed=("/usr/lib/a.so", "/usr/lib/b.so", "/usr/lib/c.so"))
def rpm_links(d):
    from cases_rpm import header
    magic = b"\x8e\xad\xe8\x01" + bytes(4)

    def linked(name, data, links):
        head = b"070701" + b"".join(b"%08X" % v for v in (7, 0o100755, 0, 0, links, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0))
        head += name + b"\0"
        return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
    payload = linked(b"./usr/lib/a.so", b"", 3) + linked(b"./usr/lib/b.so", b"", 3) + linked(b"./usr/lib/c.so", infected().build(), 3)
    payload += cpio(b"end", b"")
    signature = magic + bytes(8)
    with open(f"{d}/x.rpm", "wb") as f:
        f.write((b"\xed\xab\xee\xdb\3" + bytes(91)) + signature + magic + header() + gzip.compress(payload, mtime=0))
    return f"file:{d}/x.rpm"


@case("file-is-folder", "file: of a folder", 4, "no file")
def is_folder(d):
    os.mkdir(f"{d}/x")
    return f"file:{d}/x"
