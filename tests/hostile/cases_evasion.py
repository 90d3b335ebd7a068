# A harmless stand-in for a tampered library (elfmaker.infected), hidden by every trick of this set. Each must be found by
# its structure: an odd wrapping is no reason to look away.
import gzip
import os
import struct

from case import case
from elfmaker import GOT, IRELATIVE, RELATIVE, TEXT, Code, Elf, clean, infected
from layout import GZIP, Layer, docker_archive, docker_members, gzipped, oci, plain, sha, zstandard
from tarmaker import (archive, base256, entry, file, folder, gnu_sparse, hardlink, header, long_name, pad, pax, pax_sparse, symlink,
                      usual)

FOUND = ("backdoor", "structure")
LIB = "usr/lib/libstandin.so.1"
RUNS = "the loader applies such relocations all the same: the resolver runs"
SHOWN = "what is in the image is found, however it is wrapped"
BAD = infected().build()


def hides(name, attack, make, why=SHOWN, **more):
    @case("evade-" + name, attack, 1, why, finding=FOUND, **more)
    def build(d):
        made = make(d)
        return made if isinstance(made, str) else oci(d, made)


def tree(*entries):
    return archive(*usual(), *entries)


hides("control", "the stand-in in its usual place", lambda d: tree(file(LIB, BAD)), "the control")
hides("gzip", "in a gzip layer", lambda d: gzipped(tree(file(LIB, BAD))), "the control")
hides("zstd", "in a zstd layer", lambda d: zstandard(tree(file(LIB, BAD))), "the control")
for number, path in enumerate(("var/lib/dpkg/info/x.list", "var/lib/dpkg/info/x.md5sums", "var/lib/dpkg/status.d/x", "var/lib/dpkg/status",
                              "lib/apk/db/installed", "var/lib/pacman/local/x-1-1/files", "var/lib/pacman/local/x-1-1/desc",
                              "usr/lib/sysimage/rpm/rpmdb.sqlite", "usr/lib/sysimage/rpm/rpmdb.sqlite-wal")):
    hides(f"database-name-{number}", f"named {path}, as a package database is", lambda d, p=path: tree(file(p, BAD)),
          "what a file is, its first bytes say: no database begins so")
hides("other-name", "named README.txt, not executable", lambda d: tree(file("README.txt", BAD, mode=0o600)))
hides("dotdot", "under ../../../opt/x", lambda d: tree(file("../../../opt/x", BAD)))
hides("invalid-utf8", "under a name that is no UTF-8", lambda d: tree(file(b"\xff\xfe.so", BAD)))
hides("newline", "under a name of newlines and escapes", lambda d: tree(file("\n\x1b[2J\n", BAD)), terminal=True)
hides("long-name", "under a name of 4,000 characters", lambda d: tree(long_name("n/" * 2000 + "x"), file("s", BAD)))
hides("pax-size", "its size only in a pax header, 0 in the header itself",
      lambda d: tree(pax({"size": str(len(BAD))}), header("s") + pad(BAD)))
hides("base256-size", "its size in base 256", lambda d: tree(entry("s", BAD, size=base256(len(BAD), 12))))
hides("contiguous", "as an entry of type 7", lambda d: tree(entry("s", BAD, b"7")))
hides("old-type", "as an entry of type NUL", lambda d: tree(entry("s", BAD, b"\0")))
hides("unknown-type", "as an entry of type 'Q', which POSIX takes as a file", lambda d: tree(entry("s", BAD, b"Q")))
hides("sparse-gnu", "as a sparse file whose holes are its zeros", lambda d: tree(sparse(gnu_sparse)))
hides("sparse-pax", "as a sparse file, pax format", lambda d: tree(sparse(pax_sparse)))
hides("duplicate-first", "first of two files of one name", lambda d: tree(file("s", BAD), file("s", "clean")),
      "replaced in its own layer, and still carried by it")
hides("duplicate-last", "last of two files of one name", lambda d: tree(file("s", "clean"), file("s", BAD)))
hides("hidden-by-whiteout", "deleted by a later layer", lambda d: oci(d, tree(file("s", BAD)), archive(file(".wh.s", b""))),
      "hidden is still carried")
hides("hidden-by-opaque", "its folder emptied by a later layer",
      lambda d: oci(d, tree(file("usr/s", BAD)), archive(file("usr/.wh..wh..opq", b""))), "hidden is still carried")
hides("hidden-by-file", "its folder replaced by a file", lambda d: oci(d, tree(file("usr/s", BAD)), archive(file("usr", "x"))),
      "hidden is still carried")
hides("whiteout-same-layer", "with a whiteout of its name in its own layer", lambda d: oci(d, tree(), tree(
    file("s", BAD), file(".wh.s", b""))), "a whiteout hides lower layers only")
hides("hardlink", "reached by a hard link from another layer",
      lambda d: oci(d, tree(file("s", BAD)), archive(hardlink("t", "s"), file(".wh.s", b""))))
hides("below-link", "placed through a link in a folder's position",
      lambda d: oci(d, tree(folder("usr/lib"), symlink("lib", "usr/lib")), archive(file("lib/s", BAD))))
hides("after-pax-global", "after a global pax header that renames everything", lambda d: pax({"path": "x"}, b"g") + tree(file("s", BAD)))
hides("before-cut", "in a layer that is cut later", lambda d: tree(file("s", BAD)) [:-1024] + entry("cut", b"", size=10 ** 6),
      "flagged wins over undetermined")
hides("beside-missing-layer", "beside a layer that is missing",
      lambda d: oci(d, tree(file("s", BAD)), plain(archive(file("x")), absent=True)), "flagged wins over undetermined")
hides("gzip-member", "in the last of three gzip members", lambda d: members(tree(file("s", BAD))))
hides("after-members", "after 100,000 empty gzip members", lambda d: gz(
    gzip.compress(b"", mtime=0) * 100_000 + gzip.compress(tree(file("s", BAD)), mtime=0), tree(file("s", BAD))))
hides("last-of-many", "the last of 20,000 files", lambda d: gzipped(tree(*(file(f"f{i}", b"") for i in range(20000)), file("s", BAD))))
hides("spooled", "in a library of 20 MiB", lambda d: gzipped(tree(file("s", infected(padding=20 << 20).build())), 1))
hides("spooled-noise", "in a library of 40 MiB that does not compress", lambda d: gzipped(tree(
    file("s", infected(padding=1 << 20, fill=os.urandom(40)).build())), 1))
hides("diff-id-lies", "in a layer whose diff ID is another's", lambda d: plain(tree(file("s", BAD)), diff_id=sha(b"x")),
      "two findings: the lie and the stand-in")
hides("docker-archive", "in a docker archive", lambda d: saved(d))
hides("root-folder", "in a root file system", lambda d: on_disk(d))
hides("root-folder-whiteout-name", "in a root file system, under a name that looks like a whiteout",
      lambda d: on_disk(d, "usr/lib/.wh.standin.so"), "on disk such names are names")
hides("single-file", "as file:", lambda d: single(d))
hides("no-sections", "with section headers that point nowhere",
      lambda d: tree(file("s", infected(header={"shoff": 1 << 60, "shnum": 9, "shstrndx": 8}).build())))
hides("overlapping-loads", "with program headers twice over", lambda d: tree(file("s", infected(
    segments=lambda p: p[:4] + [list(x) for x in p[:4]] + p[4:]).build())))
hides("irelative", "its resolver known by an IRELATIVE relocation only", lambda d: tree(file("s", nameless())))
hides("gnu-hash-broken", "with a hash table that no lookup could use",
      lambda d: tree(file("s", nameless(gnu_hash=struct.pack("<7I", 1, 0x7FFFFFFF, 1, 0, 0, 0, 0)))), RUNS)
hides("no-hash", "without any hash table", lambda d: tree(file("s", nameless(dynamic={"HASH": None}))), RUNS)
hides("strtab-broken", "with a string table outside of every segment", lambda d: tree(file("s", nameless(
    dynamic={"STRTAB": 1 << 40, "SONAME": None}))), RUNS + "; flagged wins over undetermined")
hides("among-relocations", "its slot set by the last of 200,000 relocations", lambda d: gzipped(tree(file("s", crowded())), 1))
hides("second-load", "with clean code in the first PT_LOAD of an address and the stand-in's in the second", lambda d: tree(
    file("s", overlay())), "the loader maps the second over the first")
hides("dynamic-offset-lies", "with a PT_DYNAMIC whose file offset shows an empty section", lambda d: tree(file("s", infected(
    segments=lambda p: p[:4] + [[*p[4][:2], 0x1700, *p[4][3:]]]).build())), "the loader goes by the address")
hides("dynamic-second", "with an empty PT_DYNAMIC before the real one", lambda d: tree(file("s", infected(
    segments=lambda p: p[:4] + [[2, 6, 0x1700, 0x1700, 0x1700, 16, 16, 8], p[4]]).build())), "the loader takes the last")
hides("tags-twice", "with DT_RELA and DT_RELASZ twice, first of nothing, then the real ones", lambda d: tree(file("s", doubled())),
      "the loader takes the last")
hides("relr", "its slot set by a packed relocation (DT_RELR)", lambda d: tree(file("s", packed())), "the loader knows them")
hides("symbol-count-lies", "with a DT_HASH that counts one symbol and whose bucket leads to a second", lambda d: tree(
    file("s", uncounted())), "a lookup follows the chain and never looks at the count")
hides("page-tail", "with a resolver behind the end of its PT_LOAD, in the same page", lambda d: tree(file("s", page_tail())),
      "whole pages are mapped: the code is there and runs")
hides("page-head", "with a resolver in front of its PT_LOAD, in the same page", lambda d: tree(file("s", page_head())),
      "whole pages are mapped: the code is there and runs")
hides("decoys", "behind 40 honest resolvers that call two functions each", lambda d: tree(file("s", decoys())),
      "the last resolver counts as the first")
hides("decoy-slot-calls", "its library also has 40 resolvers that do the same in vain",
      lambda d: tree(file("s", decoys(bad=True))), "more of the same is no less")
hides("named-as-linker", "named and with a SONAME as the dynamic linker", lambda d: tree(folder("lib64"), file(
    "lib64/ld-linux-x86-64.so.2", infected(soname=b"ld-linux-x86-64.so.2", needed=[]).build(), mode=0o755)),
      "the linker may be complex, but it does not call its own code through slots")
hides("slot-set-twice", "its slot set twice, the stand-in last", lambda d: tree(file("s", set_twice())))
hides("second-resolver", "its resolver the last of 500", lambda d: tree(file("s", last_resolver())))


def sparse(make):
    """BAD with its runs of zero pages left out, as a sparse file of at most four chunks."""
    chunks, data = [(0, 512), (0x1000, 512), (0x2000, len(BAD) - 0x2000)], b""
    for at, length in chunks:
        data += BAD[at:at + length]
    assert BAD == b"".join(BAD[a:a + n] + bytes(b - a - n) for (a, n), b in zip(chunks, (0x1000, 0x2000, len(BAD))))
    return make("s", len(BAD), chunks, data)


def gz(blob, tar):
    return Layer(blob, sha(tar), GZIP)


def members(tar):
    a, b = len(tar) // 3, len(tar) // 2
    return gz(b"".join(gzip.compress(x, mtime=0) for x in (tar[:a], tar[a:b], tar[b:])), tar)


def saved(d):
    return docker_archive(f"{d}/i.tar", *with_list(docker_members([tree(file("s", BAD))])))


def with_list(made):
    parts, item = made
    return parts, [item]


def on_disk(d, name=LIB):
    os.makedirs(f"{d}/tree/usr/lib")
    with open(f"{d}/tree/{name}", "wb") as f:
        f.write(BAD)
    return f"dir:{d}/tree"


def single(d):
    with open(f"{d}/s", "wb") as f:
        f.write(BAD)
    return f"file:{d}/s"


def nameless(**fields):
    """The stand-in without a symbol, a needed library or a name: relocations alone make it run."""
    made = infected(symbols=[], jmprel=[], needed=[], **fields)
    made.relas.append((GOT + 64, IRELATIVE, 0, TEXT))
    return made.build()


def crowded():
    made = infected()
    made.relas[:0] = [(GOT + 64 + 8 * (i % 100), RELATIVE, 0, TEXT + 0x80) for i in range(200_000)]
    return made.build()


def overlay():
    made = infected(segments=lambda p: p[:3] + [[1, 5, 0x4000, TEXT, TEXT, 0xc0, 0xc0, 0x1000]] + p[3:])
    data = bytearray(made.build().ljust(0x4000, b"\0") + made.text)
    data[TEXT:TEXT + 0xc0] = clean().text.ljust(0xc0, b"\xcc")
    return bytes(data)


def doubled():
    made = infected(dynamic={"RELA": TEXT, "RELASZ": 0})
    _, where = made.tables(0x3000)
    made.more_dynamic = [(7, where["RELA"]), (8, where["RELASZ"])]
    return made.build()


def packed():
    made = infected(relas=[])
    made.text = made.text.ljust(0x100, b"\xcc") + struct.pack("<Q", GOT)
    made.more_dynamic = [(36, TEXT + 0x100), (35, 8), (37, 8)]
    data = bytearray(made.build())
    data[GOT:GOT + 8] = struct.pack("<Q", TEXT + 0x40)
    return bytes(data)


def uncounted():
    """The symbol is exported and no relocation of this file names it, so the hash table alone leads to it."""
    made = infected(jmprel=[], dynamic={"HASH": TEXT + 0x100})
    made.text = made.text.ljust(0x100, b"\xcc") + struct.pack("<5I", 1, 1, 1, 0, 0)
    return made.build()


def page_tail():
    made = infected(segments=lambda p: p[:2] + [[1, 5, TEXT, TEXT, TEXT, 0x10, 0x10, 0x1000]] + p[3:])
    made.text = b"\xc3" + bytes(0x7ff) + moved(0x800)
    made.symbols = [(b"checksum", 10, TEXT + 0x800)]
    made.relas = [(GOT, RELATIVE, 0, TEXT + 0x840)]
    return made.build()


def page_head():
    made = infected(segments=lambda p: p[:2] + [[1, 5, TEXT + 0x800, TEXT + 0x800, TEXT, 0x100, 0x100, 0x1000]] + p[3:])
    made.text = made.text.ljust(0x900, b"\xcc")
    return made.build()


def moved(by):
    """The stand-in's text for an address that is `by` bytes further on."""
    code = Code(TEXT + by).raw(b"\x48\x83\xec\x08").call_slot(GOT).lea_rax(TEXT + by + 0x80).raw(b"\x48\x83\xc4\x08").ret()
    return code.align(0x40).raw(b"\xb8\x01\x00\x00\x00").ret().align(0x80).ret().align(0x40).data


def decoys(bad=False):
    text = b""
    for at in range(TEXT, TEXT + 40 * 0x40, 0x40):  # two calls of functions that only return
        code = Code(at).raw(b"\x48\x83\xec\x08")
        code = code.call_slot(GOT) if bad else code.call(at + 0x30).call(at + 0x38)
        text += code.lea_rax(at + 0x30).raw(b"\x48\x83\xc4\x08").ret().align(0x30).ret().align(8).ret().align(0x40).data
    by = len(text)
    made = Elf(text + moved(by))
    made.symbols = [(b"d%d" % i, 10, TEXT + 0x40 * i) for i in range(40)] + [(b"checksum", 10, TEXT + by)]
    made.jmprel = [(GOT + 64, 7, 41, 0)]
    made.relas = [(GOT, RELATIVE, 0, TEXT + by + 0x40)]
    return made.build()


def set_twice():
    made = infected()
    made.relas.insert(0, (GOT, RELATIVE, 0, 0))
    return made.build()


def last_resolver():
    made = infected()
    made.symbols[:0] = [(b"c%d" % i, 10, TEXT + 0x80) for i in range(499)]
    made.jmprel = [(GOT + 64, 7, 500, 0)]
    return made.build()
