# The big ones: gigabytes and millions. They stand apart because they take seconds each.
import hashlib
import struct
import zlib

from case import case
from layout import GZIP, ZSTD, BigGzip, Layer, oci, sha
from tarmaker import END, archive, base256, file, header, numbered_headers, pax, usual, zstd_frame

GIB = 1 << 30
STEP = 16 << 20


class Zeros:
    """A gzip stream of `head`, `size` zero bytes and an end marker, made by repeating one deflated piece."""

    def __init__(self, head, size, right=True):
        deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
        first = deflate.compress(head) + deflate.flush(zlib.Z_FULL_FLUSH)
        piece = deflate.compress(bytes(STEP)) + deflate.flush(zlib.Z_FULL_FLUSH)
        last = deflate.compress(END) + deflate.flush()
        crc, digest = zlib.crc32(head), hashlib.sha256(head)
        if right:
            for _ in range(size // STEP):
                crc = zlib.crc32(bytes(STEP), crc)
                digest.update(bytes(STEP))
            crc = zlib.crc32(END, crc)
            digest.update(END)
        length = len(head) + size + len(END)
        self.blob = (b"\x1f\x8b\x08" + bytes(6) + b"\x03" + first + piece * (size // STEP) + last
                     + struct.pack("<II", crc, length & 0xFFFFFFFF))
        self.diff_id = "sha256:" + digest.hexdigest()


def head_of(size):
    return archive(*usual())[:-len(END)] + header("zeros", size=base256(size, 12))


@case("entries-3-million", "a tar of 3,000,000 empty files", 0, "legal: examined within 400 MiB", memory=400)
def entries_3m(d):
    big = BigGzip(f"{d}/big")
    big.write(archive(*usual())[:-len(END)])
    for first in range(0, 3_000_000, 50_000):
        big.write(numbered_headers(first, 50_000))
    big.write(END)
    return oci(d, big.finish())


@case("gzip-bomb-10g", "a gzip layer of 10 MB that unpacks to 10 GiB, with --max-layer-size 1G", 3, "over the limit that was named",
      coverage="content", args=("--max-layer-size", "1G"))
def gzip_bomb(d):
    made = Zeros(head_of(10 * GIB), 10 * GIB, right=False)  # nobody reads to its end
    return oci(d, Layer(made.blob, sha(b"never reached"), GZIP))


@case("gzip-bomb-members-10g", "10,240 gzip members of 1 MiB each, with --max-layer-size 1G", 3,
      "the limit is on the layer, not on a member", coverage="content", args=("--max-layer-size", "1G"))
def gzip_members_bomb(d):
    import gzip
    head = gzip.compress(head_of(10 * GIB), mtime=0)
    return oci(d, Layer(head + gzip.compress(bytes(1 << 20), mtime=0) * 10240, sha(b"never reached"), GZIP))


@case("file-over-4g", "a file of 4.5 GiB in a gzip layer, whose length field wraps at 4 GiB", 0, "legal: sizes are 64 bits wide")
def file_over_4g(d):
    made = Zeros(head_of(9 * GIB // 2), 9 * GIB // 2)
    return oci(d, Layer(made.blob, made.diff_id, GZIP))


@case("zstd-many-bombs", "40 layers that unpack to 1 GiB of zeros each, with --max-layer-size 100M", 3,
      "each layer stops at the limit; memory does not add up", coverage="content", args=("--max-layer-size", "100M"))
def many_bombs(d):
    return oci(d, *(Layer(zstd_frame([head_of(GIB) + b"%d" % i, (0, GIB)]), sha(b"never %d" % i), ZSTD) for i in range(40)))


@case("layers-4000", "an image of 4,000 layers", (0, 3), "read, or over a named limit", coverage="content")
def layers_4000(d):
    return oci(d, *(archive(file("n", f"{i}\n")) for i in range(4000)))


@case("entries-in-one-folder", "100,000 long names in one folder, each with a pax header", 0, "legal: examined within 400 MiB", memory=400)
def one_folder(d):
    big = BigGzip(f"{d}/big")
    for first in range(0, 100_000, 10_000):
        big.write(b"".join(pax({"path": f"folder/{'n' * 200}{i}"}) + file("x", b"") for i in range(first, first + 10_000)))
    big.write(END)
    return oci(d, big.finish())
