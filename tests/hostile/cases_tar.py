# Headers of a tar archive that lie: checksums, sizes, pax records, sparse maps, end markers.
import random

from case import case
from layout import gzipped, oci
from tarmaker import (END, archive, base256, entry, file, folder, gnu_sparse, header, long_name, pad, pax, pax_record, pax_sparse,
                      usual)

CORRUPT = "corrupt: what follows cannot be found, and that is said"
LEGAL = "legal but odd: examined, usual verdict"
NOISE = random.Random(1).randbytes(65536)


def after(*entries):
    return archive(*usual(), *entries, file("after"))


@case("checksum-wrong", "one header in the middle has a wrong checksum", 3, CORRUPT, coverage="content", listed="/etc/motd")
def checksum_wrong(d):
    return oci(d, after(header("bad", checksum=b"000001\0 ")))


@case("checksum-first", "the very first header has a wrong checksum", 3, CORRUPT, coverage="content")
def checksum_first(d):
    return oci(d, header("bad", checksum=b"000001\0 ") + after())


@case("checksum-signed", "a checksum summed over signed bytes, as old Sun tars did", 0, LEGAL, listed="/after")
def checksum_signed(d):
    block = bytearray(header(b"s\xff\xfe"))
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(b - 256 if b > 127 else b for b in block)
    return oci(d, after(bytes(block)))


@case("noise-layer", "64 KiB of noise as a layer", 3, CORRUPT, coverage="content")
def noise(d):
    return oci(d, NOISE)


@case("not-a-tar", "a layer that is a zip file by its first bytes", 3, CORRUPT, coverage="content")
def not_a_tar(d):
    return oci(d, pad(b"PK\x03\x04" + NOISE[:3000]))


@case("fields-all-ones", "a header of nothing but 0xff", 3, CORRUPT, coverage="content")
def all_ones(d):
    return oci(d, after(b"\xff" * 512))


@case("v7-header", "an entry without the ustar magic", 0, LEGAL, listed=("/v7", "/after"))
def v7(d):
    return oci(d, after(file("v7", magic=b"", version=b"")))


@case("size-spaces", "a size of blanks, one with leading blanks, one without terminator", 0, LEGAL,
      listed=("/blank", "/lead", "/full", "/after"))
def size_spaces(d):
    return oci(d, after(header("blank", size=b" " * 11 + b"\0"), entry("lead", b"abc", size=b"          3\0"),
                        entry("full", b"abc", size=b"000000000003")))


@case("size-not-octal", "a size of 99999999999, which is no octal number", 3, CORRUPT, coverage="content")
def size_not_octal(d):
    return oci(d, after(header("bad", size=b"99999999999\0")))


@case("size-beyond-end", "a file that claims 8 GiB and has 10 bytes", 3, "cut: its content is not there", coverage="content")
def size_beyond(d):
    return oci(d, archive(*usual(), entry("big", b"0123456789", size=8 ** 11 - 1)))


@case("base256-legal", "a size in base 256, as GNU writes it", 0, LEGAL, listed=("/binary", "/after"))
def base256_legal(d):
    return oci(d, after(entry("binary", b"abc", size=base256(3, 12))))


@case("base256-negative", "a size of -512 in base 256", 3, CORRUPT, coverage="content")
def base256_negative(d):
    return oci(d, after(header("bad", size=base256(-512, 12))))


@case("base256-huge", "a size of 2^80 in base 256", 3, CORRUPT, coverage="content")
def base256_huge(d):
    return oci(d, after(header("bad", size=base256(2 ** 80, 12))))


@case("base256-wrap", "a size of 2^64 - 512: added to an offset it wraps to the header itself", 3, CORRUPT, coverage="content")
def base256_wrap(d):
    return oci(d, after(header("bad", size=base256(2 ** 64 - 512, 12))))


@case("mode-negative", "uid, gid, mode and time in negative base 256", 0, "odd owners and times do not hide content",
      listed=("/odd", "/after"))
def mode_negative(d):
    return oci(d, after(file("odd", uid=base256(-1, 8), gid=base256(-2, 8), mtime=base256(-10 ** 10, 12))))


def pax_case(name, attack, exits, why, records, listed=(), **more):
    @case("pax-" + name, attack, exits, why, coverage="content" if exits != 0 else "", listed=listed, **more)
    def build(d, records=records):
        return oci(d, after(pax(records), file("target")))
    return build


pax_case("size-huge", "a pax size of 2^63 - 1", 3, CORRUPT, {"size": "9223372036854775807"})
pax_case("size-overflow", "a pax size of 2^64 + 11", 3, "no 64-bit number: it must not wrap to 11", {"size": str(2 ** 64 + 11)})
pax_case("size-negative", "a pax size of -1", 3, CORRUPT, {"size": "-1"})
pax_case("size-word", "a pax size of 'many'", 3, CORRUPT, {"size": "many"})
pax_case("size-empty", "an empty pax size", (0, 3), "POSIX: an empty value removes the record; or corrupt", {"size": ""})
pax_case("size-twice", "two pax sizes, the second right", 0, "POSIX: the last record counts",
         [("size", "999999"), ("size", "11")], listed=("/target", "/after"))
pax_case("length-too-long", "a pax record whose length runs past the header", 3, CORRUPT, b"999 path=x\n")
pax_case("length-too-short", "a pax record whose length ends inside its key", 3, CORRUPT, b"5 path=x\n")
pax_case("length-zero", "a pax record of length 0, which would be read for ever", 3, CORRUPT, b"0 path=x\n")
pax_case("length-overflow", "a pax record whose length has 30 digits", 3, CORRUPT, b"1" * 30 + b" path=x\n")
pax_case("no-equals", "a pax record without =", 3, CORRUPT, b"9 pathxx\n")
pax_case("no-newline", "a pax record without its newline", 3, CORRUPT, b"9 path=x.")
pax_case("empty-key", "a pax record with an empty key", (0, 3), "it says nothing; or corrupt", b"5 =x\n")
pax_case("uid-word", "a pax uid of 'root' and one of 2^70", (0, 3), "odd owners do not hide content; or corrupt",
         {"uid": "root", "gid": str(2 ** 70)})
pax_case("time-odd", "pax times with 300 digits, negative and with two dots", (0, 3), "times are not read; or corrupt",
         {"mtime": "1" * 300, "atime": "-1.5", "ctime": "1.2.3"})
pax_case("xattr-1m", "an extended attribute of 900 KiB", (0, 3), "attributes are skipped; or over a named limit",
         {"SCHILY.xattr.user.big": "x" * 900 * 1024})
pax_case("many-records", "50,000 records for one entry", (0, 3), "the last counts; or over a named limit",
         [("path", f"n{i}") for i in range(50000)] + [("path", "last")])
pax_case("path-and-slash", "a pax path that ends in a slash, for a regular file", (0, 3),
         "readers differ; the content is examined either way", {"path": "target/"})


@case("pax-then-end", "a pax header with no entry after it", 3, "cut: the entry it speaks of is missing", coverage="content")
def pax_then_end(d):
    return oci(d, archive(*usual(), pax({"path": "lost"})))


@case("pax-twice", "two pax headers before one entry", 0, "the last path counts", listed="/second", unlisted="/first")
def pax_twice(d):
    return oci(d, after(pax({"path": "first"}), pax({"path": "second"}), file("x")))


@case("pax-over-long-name", "a GNU long name and a pax path for one entry", 0,
      "Go takes the long name, others the pax path; the content is examined either way", listed="/after")
def pax_over_long(d):
    return oci(d, after(long_name("by-gnu"), pax({"path": "by-pax"}), file("x")))


@case("pax-global", "a global pax header with a path and a size for all", (0, 3),
      "container engines ignore global records; taking them would lose every file", coverage="content", listed="/etc/motd")
def pax_global(d):
    return oci(d, pax({"path": "all", "comment": "0" * 40}, b"g") + after())


@case("long-name-cut", "a GNU long name that claims 1 GiB", 3, "cut and over any limit of a header", coverage="content")
def long_name_cut(d):
    return oci(d, archive(*usual(), entry("././@LongLink", b"abc", b"L", size=1 << 30)))


@case("long-name-empty", "a GNU long name without a name", (0, 3), "the entry names the root, or corrupt", coverage="content")
def long_name_empty(d):
    return oci(d, after(long_name(""), file("x")))


@case("sparse-1t", "a sparse file of 1 TiB that holds 4 bytes", 3, "over a limit: a hole is not expanded for hours",
      coverage="content")
def sparse_1t(d):
    return oci(d, after(gnu_sparse("hole", 1 << 40, [(1 << 39, 4)], b"data")))


@case("sparse-1t-pax", "a sparse file of 1 TiB, pax format", 3, "over a limit: a hole is not expanded for hours",
      coverage="content")
def sparse_1t_pax(d):
    return oci(d, after(pax_sparse("hole", 1 << 40, [(1 << 39, 4)], b"data")))


@case("sparse-200g", "a sparse file of 200 GiB that holds 4 bytes", 3, "over a limit: a hole is not expanded for minutes",
      coverage="content")
def sparse_200g(d):
    return oci(d, after(gnu_sparse("hole", 200 << 30, [(1 << 30, 4)], b"data")))


@case("sparse-thousand", "1,000 sparse files of 1 GiB in 1 MB", 3, "over a limit: holes add up", coverage="content")
def sparse_thousand(d):
    return oci(d, after(*(gnu_sparse(f"hole{i}", 1 << 30, [(4096, 4)], b"data") for i in range(1000))))


@case("sparse-legal", "sparse files of 1 MiB, both formats", 0, "as GNU tar writes them", listed=("/gnu", "/pax", "/after"))
def sparse_legal(d):
    return oci(d, after(gnu_sparse("gnu", 1 << 20, [(4096, 4)], b"data"), pax_sparse("pax", 1 << 20, [(4096, 4)], b"data")))


@case("sparse-overlap", "sparse chunks that overlap and run backwards", 3, CORRUPT, coverage="content")
def sparse_overlap(d):
    return oci(d, after(gnu_sparse("s", 8192, [(4096, 512), (4000, 512), (0, 512)], bytes(1536))))


@case("sparse-beyond", "a sparse chunk beyond the file's size", 3, CORRUPT, coverage="content")
def sparse_beyond(d):
    return oci(d, after(gnu_sparse("s", 100, [(4096, 512)], bytes(512))))


@case("sparse-wrap", "a sparse chunk whose offset and length wrap around 2^64", 3, CORRUPT, coverage="content")
def sparse_wrap(d):
    return oci(d, after(gnu_sparse("s", 8192, [(2 ** 64 - 4096, 8192)], bytes(512))))


@case("sparse-sum-lies", "sparse chunks that need more data than the entry has", 3, CORRUPT, coverage="content")
def sparse_sum(d):
    return oci(d, after(gnu_sparse("s", 1 << 20, [(0, 4096), (8192, 65536)], bytes(512))))


@case("sparse-map-million", "a sparse map of 1,000,000 chunks of no length", (0, 3), "read, or over a named limit",
      coverage="content")
def sparse_million(d):
    return oci(d, gzipped(after(pax_sparse("s", 2_000_000, [(i, 0) for i in range(1_000_000)], b""))))


@case("sparse-map-lies", "a sparse map that claims 10^18 chunks", 3, CORRUPT, coverage="content")
def sparse_map_lies(d):
    head = pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "s", "GNU.sparse.realsize": "10"})
    return oci(d, after(head, entry("x", pad(b"1000000000000000000\n0\n1\n"))))


@case("sparse-chain", "old sparse headers continued 100,000 times, every one empty", (0, 3),
      "read on, or over a named limit; ends either way", coverage="content")
def sparse_chain(d):
    block = bytearray(gnu_sparse("s", 10, [(0, 0)]))
    block[482] = 1
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    more = bytearray(512)
    more[504] = 1
    return oci(d, gzipped(after(bytes(block), bytes(more) * 99999, bytes(512))))


@case("end-missing", "no end marker", 0, "legal but odd: nothing is missing", listed="/after")
def end_missing(d):
    return oci(d, after()[:-len(END)])


@case("end-single-block", "an end marker of one block", 0, "legal but odd: nothing is missing", listed="/after")
def end_single(d):
    return oci(d, after()[:-512])


@case("end-then-entries", "entries after the end marker", 0, "no reader unpacks them; the layer's digest covers them",
      listed="/after")
def end_then_entries(d):
    return oci(d, after() + archive(file("beyond")))


@case("end-then-noise", "64 KiB of noise after the end marker", 0, "data after the end is legal", listed="/after")
def end_then_noise(d):
    return oci(d, after() + NOISE)


@case("end-then-ragged", "100 bytes after the end marker, no whole block", 0, "data after the end is legal", listed="/after")
def end_then_ragged(d):
    return oci(d, after() + b"x" * 100)


@case("end-padding", "20 MiB of zeros after the end marker", 0, "padding to a record is legal", listed="/after")
def end_padding(d):
    return oci(d, gzipped(after() + bytes(20 << 20)))


@case("ragged-tail", "no end marker, and 100 bytes of a header", 3, "cut inside a header", coverage="content")
def ragged_tail(d):
    return oci(d, after()[:-len(END)] + header("cut")[:100])


@case("lone-zero-block", "one zero block between entries", (0, 3),
      "GNU tar goes on or stops, Go refuses: read on, or said to be cut", coverage="content", listed="/etc/motd")
def lone_zero(d):
    return oci(d, archive(*usual(), bytes(512), file("after")))


@case("many-tiny-pax", "20,000 entries, each with a pax header that says nothing new", 0, LEGAL, listed="/f19999")
def many_pax(d):
    return oci(d, gzipped(archive(*(pax_entry(i) for i in range(20000)))))


def pax_entry(i):
    return pax(pax_record("path", f"f{i}")) + folder("x") if i % 1000 == 0 else pax(pax_record("path", f"f{i}")) + file("x", b"")
