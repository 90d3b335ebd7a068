# Compressed streams: members, garbage, wrong checks, windows, and bombs that are small enough to be quick.
import gzip
import random
import struct
import zlib

from case import case
from layout import GZIP, TAR, ZSTD, Layer, gzipped, oci, plain, sha, zstandard
from tarmaker import archive, base256, file, header, usual, zstd_frame

TREE = archive(*usual(), file("after"))
NOISE = random.Random(2).randbytes(4096)
BROKEN = "corrupt: the stream cannot be followed, and that is said"


def gz(blob, tar=TREE):
    return Layer(blob, sha(tar), GZIP)


def zst(blob, tar=TREE):
    return Layer(blob, sha(tar), ZSTD)


def gz_all(tar=TREE):
    return gzip.compress(tar, mtime=0)


@case("gzip-members", "a gzip layer of 3,000 members, some of them empty", 0, "legal: members follow each other", listed="/after")
def gzip_members(d):
    step = len(TREE) // 2000 + 1
    parts = [gzip.compress(TREE[i:i + step], mtime=0) for i in range(0, len(TREE), step)]
    return oci(d, gz(b"".join(p + gzip.compress(b"", mtime=0) for p in parts)))


@case("gzip-in-gzip", "a gzip layer that unpacks to a gzip stream of a tar", 3,
      "one step is unpacked, as engines do; what comes out is no tar", coverage="content")
def gzip_in_gzip(d):
    return oci(d, gz(gzip.compress(gz_all(), mtime=0), gz_all()))


@case("gzip-garbage-after", "4 KiB of noise after the gzip stream", 0,
      "legal but odd: nothing unpacks it, the blob's digest covers it, and it is said", listed="/after", says="after the end")
def gzip_garbage(d):
    return oci(d, gz(gz_all() + NOISE))


@case("gzip-zeros-after", "zero bytes after the gzip stream", 0, "padding, as tapes had it", listed="/after")
def gzip_zeros(d):
    return oci(d, gz(gz_all() + bytes(1024)))


@case("gzip-crc-wrong", "a gzip layer with a wrong CRC", 3, BROKEN, coverage="content")
def gzip_crc(d):
    blob = bytearray(gz_all())
    blob[-8] ^= 1
    return oci(d, gz(bytes(blob)))


@case("gzip-length-wrong", "a gzip layer with a wrong length at its end", 3, BROKEN, coverage="content")
def gzip_length(d):
    blob = bytearray(gz_all())
    blob[-1] ^= 1
    return oci(d, gz(bytes(blob)))


@case("gzip-bit-flip", "a gzip layer with one bit changed in its middle", 3, BROKEN, coverage="content")
def gzip_flip(d):
    tar = archive(file("noise", NOISE * 4))
    blob = bytearray(gz_all(tar))
    blob[2000] ^= 0x10
    return oci(d, gz(bytes(blob), tar))


@case("gzip-header-fields", "a gzip header with name, comment, extra field and header CRC, each long", 0, "legal",
      listed="/after")
def gzip_fields(d):
    head = b"\x1f\x8b\x08\x1e" + bytes(4) + b"\x00\x03" + struct.pack("<H", 60000) + bytes(60000)
    head += b"n" * 400 + b"\0" + b"c" * 400 + b"\0"  # Go takes at most 512
    head += struct.pack("<H", zlib.crc32(head) & 0xFFFF)
    return oci(d, gz(head + gz_all()[10:]))


@case("gzip-name-endless", "a gzip header whose file name never ends (16 MiB)", 3, "no stream begins: cut", coverage="content")
def gzip_name(d):
    return oci(d, gz(b"\x1f\x8b\x08\x08" + bytes(4) + b"\x00\x03" + b"n" * (16 << 20)))


@case("gzip-reserved-flags", "a gzip header with reserved flags set", (0, 3), "Go reads on, the RFC wants an error", coverage="content")
def gzip_flags(d):
    blob = bytearray(gz_all())
    blob[3] = 0xE0
    return oci(d, gz(bytes(blob)))


@case("gzip-empty-members", "1,000,000 empty gzip members (20 MB) and then the layer", 0,
      "legal; read without recursion and without hanging", listed="/after")
def gzip_empty_members(d):
    return oci(d, gz(gzip.compress(b"", mtime=0) * 1_000_000 + gz_all()))


@case("gzip-stored-blocks", "a deflate stream of 1,000,000 empty stored blocks", 0, "legal; read without hanging",
      listed="/after")
def gzip_stored(d):
    return oci(d, gz(gz_all()[:10] + b"\x00\x00\x00\xff\xff" * 1_000_000 + gz_all()[10:]))


@case("gzip-called-tar", "a gzip blob whose media type says tar", (0, 3), "engines go by the bytes; or said to be no tar",
      coverage="content")
def gzip_called_tar(d):
    return oci(d, Layer(gz_all(), sha(TREE), TAR))


@case("tar-called-gzip", "a plain tar whose media type says gzip", (0, 3), "engines go by the bytes; or said to be no gzip",
      coverage="content")
def tar_called_gzip(d):
    return oci(d, plain(TREE, media=GZIP))


@case("zstd-called-gzip", "a zstd blob whose media type says gzip", (0, 3), "engines go by the bytes; or said to be no gzip",
      coverage="content")
def zstd_called_gzip(d):
    return oci(d, zstandard(TREE, media=GZIP))


@case("xz-layer", "an xz blob whose media type says gzip", (0, 3), "old engines take it; or said to be unread",
      coverage="content")
def xz_layer(d):
    import lzma
    return oci(d, gz(lzma.compress(TREE)))


@case("zstd-frames", "a zstd layer of many frames with skippable ones between", 0, "legal: zstd:chunked is made so",
      listed="/after")
def zstd_frames(d):
    parts = [zstandard(TREE[i:i + 700]).blob for i in range(0, len(TREE), 700)]
    skip = b"\x50\x2a\x4d\x18" + struct.pack("<I", 5) + b"table"
    return oci(d, zst(skip.join(parts) + skip))


@case("zstd-skippable-lies", "a skippable frame that claims 4 GiB", 3, "cut: the frame is not there", coverage="content")
def zstd_skippable(d):
    return oci(d, zst(zstandard(TREE).blob + b"\x50\x2a\x4d\x18" + b"\xff" * 4))


@case("zstd-garbage-after", "4 KiB of noise after the zstd stream", 0,
      "legal but odd: nothing unpacks it, the blob's digest covers it, and it is said", listed="/after", says="after the end")
def zstd_garbage(d):
    return oci(d, zst(zstandard(TREE).blob + b"noise" + NOISE))


@case("zstd-window-128m", "a zstd frame that wants a window of 128 MiB", 0, "the most that a plain decoder takes",
      listed="/after")
def zstd_window_legal(d):
    return oci(d, zst(zstd_frame([TREE], window=(27 - 10) << 3)))


@case("zstd-window-2g", "a zstd frame that wants a window of 2 GiB", 3, "over the limit for a window", coverage="content")
def zstd_window_2g(d):
    return oci(d, zst(zstd_frame([TREE], window=(31 - 10) << 3)))


@case("zstd-window-huge", "a zstd frame that wants a window of 3.75 TiB", 3, "over the limit for a window", coverage="content")
def zstd_window_huge(d):
    return oci(d, zst(zstd_frame([TREE], window=0xFF)))


@case("zstd-size-lies", "a zstd frame in one segment that claims 2^62 bytes", 3, "over the limit for a window",
      coverage="content")
def zstd_size_lies(d):
    return oci(d, zst(zstd_frame([TREE], single_segment_size=1 << 62)))


@case("zstd-dictionary", "a zstd frame that needs a dictionary", 3, "nobody has that dictionary", coverage="content")
def zstd_dictionary(d):
    frame = zstd_frame([TREE])
    return oci(d, zst(frame[:4] + b"\x01" + frame[5:6] + b"\x07" + frame[6:]))


@case("zstd-checksum-wrong", "a zstd frame with a wrong checksum", 3, BROKEN, coverage="content")
def zstd_checksum(d):
    frame = zstd_frame([TREE])
    return oci(d, zst(frame[:4] + b"\x04" + frame[5:] + b"\xde\xad\xbe\xef"))


@case("zstd-empty-blocks", "1,000,000 empty blocks in one frame", 0, "legal; read without hanging", listed="/after")
def zstd_empty_blocks(d):
    frame = zstd_frame([TREE])
    return oci(d, zst(frame[:6] + bytes(3_000_000) + frame[6:]))


def bomb_tar_head(size):
    return archive(*usual())[:-1024] + header("zeros", size=base256(size, 12))


@case("zstd-bomb-10g", "a zstd layer of 300 KB that unpacks to 10 GiB, with --max-layer-size 1G", 3,
      "over the limit that was named", coverage="content", args=("--max-layer-size", "1G"))
def zstd_bomb(d):
    head = bomb_tar_head(10 << 30)
    return oci(d, Layer(zstd_frame([head, (0, (10 << 30) + 1024)]), sha(b"never reached"), ZSTD))


@case("gzip-bomb-small-limit", "a gzip layer of 100 MiB of zeros, with --max-layer-size 10M", 3,
      "over the limit that was named", coverage="content", args=("--max-layer-size", "10M"))
def gzip_bomb_small(d):
    tar = bomb_tar_head(100 << 20) + bytes(100 << 20) + bytes(1024)
    return oci(d, gzipped(tar, 9))


@case("plain-over-limit", "an uncompressed layer of 11 MiB, with --max-layer-size 10M", 3, "over the limit that was named",
      coverage="content", args=("--max-layer-size", "10M"))
def plain_over(d):
    return oci(d, plain(bomb_tar_head(11 << 20) + bytes(11 << 20) + bytes(1024)))


@case("whole-archive-bomb", "an oci-archive that is gzip in gzip in gzip", 4, "one step is unpacked; what comes out is no archive")
def whole_archive_bomb(d):
    path = f"{d}/bomb.tar.gz"
    with open(path, "wb") as f:
        f.write(gzip.compress(gzip.compress(gz_all())))
    return "oci-archive:" + path
