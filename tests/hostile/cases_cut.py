# A small layer cut at every block, and compressed layers cut in the middle. Digests and sizes are those of the cut bytes,
# so that only the missing end is wrong.
import gzip

from case import case
from layout import GZIP, ZSTD, Layer, gzipped, oci, plain, sha, zstandard
from tarmaker import BLOCK, END, archive, file, folder, gnu_sparse, hardlink, long_name, pax, symlink

# Entries that belong together stand together: a long name or pax header without its file is a cut inside an entry.
UNITS = [folder("etc"), file("etc/motd", b"m" * 1200), long_name("l" * 150) + file("short", b"1"),
         pax({"path": "p" * 150}) + file("short", b"22"), symlink("link", "etc/motd"), hardlink("hard", "etc/motd"),
         gnu_sparse("hole", 4096, [(0, 512), (2048, 512)], b"s" * 1024), file("empty", b"")]
WHOLE = b"".join(UNITS) + END


def whole_at():
    """The offsets at which nothing but the end marker is missing."""
    at, out = 0, {0}
    for unit in UNITS:
        at += len(unit)
        out.add(at)
    return out | {at + BLOCK, at + 2 * BLOCK}


for cut in range(0, len(WHOLE) + 1, BLOCK):
    fine = cut in whole_at()

    @case(f"cut-at-{cut:05d}", f"a layer cut after {cut} of {len(WHOLE)} bytes" + (", between two entries" if fine else ""),
          0 if fine else 3, "only the end marker is missing: legal" if fine else "an entry is cut",
          coverage="" if fine else "content")
    def cut_at(d, cut=cut):
        return oci(d, plain(WHOLE[:cut]))

for cut in (1, 511, 513, 1000, 1700, len(WHOLE) - len(END) - 1):
    @case(f"cut-odd-{cut:05d}", f"a layer cut after {cut} bytes, inside a block", 3, "an entry is cut", coverage="content")
    def cut_odd(d, cut=cut):
        return oci(d, plain(WHOLE[:cut]))


def noisy_tar():
    return archive(*(file(f"f{i}", sha(b"%d" % i) * 20) for i in range(200)))


def cut_blob(whole, part, media):
    return Layer(whole.blob[:int(len(whole.blob) * part)], whole.diff_id, media)


for part in (0.0005, 0.1, 0.5, 0.9):
    @case(f"cut-gzip-{part}", f"a gzip layer cut at {part:.2%}, digest recomputed", 3, "the rest of the layer is missing",
          coverage="content")
    def cut_gzip(d, part=part):
        return oci(d, cut_blob(gzipped(noisy_tar()), part, GZIP))

    @case(f"cut-zstd-{part}", f"a zstd layer cut at {part:.2%}, digest recomputed", 3, "the rest of the layer is missing",
          coverage="content")
    def cut_zstd(d, part=part):
        return oci(d, cut_blob(zstandard(noisy_tar()), part, ZSTD))


@case("cut-gzip-trailer", "a gzip layer without its last 4 bytes", 3, "the check at its end is missing: cut", coverage="content")
def cut_gzip_trailer(d):
    whole = gzipped(noisy_tar())
    return oci(d, Layer(whole.blob[:-4], whole.diff_id, GZIP))


@case("cut-gzip-between-members", "a gzip layer of two members, the second missing; the diff ID is that of the whole", 1,
      "the bytes that are there end well; that they are not those of the diff ID is a digest that lies",
      finding=("integrity", None))
def cut_members(d):
    tar = noisy_tar()
    return oci(d, Layer(gzip.compress(tar[:51200], mtime=0), sha(tar), GZIP))


@case("cut-blob-wrong-digest", "a gzip layer cut in the middle; manifest and config are those of the whole", 1,
      "the blob is not what the manifest names: a digest lies", finding=("integrity", None))
def cut_wrong_digest(d):
    whole = gzipped(noisy_tar())
    layer = Layer(whole.blob[:len(whole.blob) // 2], whole.diff_id, GZIP, sha(whole.blob), len(whole.blob))
    return oci(d, layer)


@case("cut-lower-layer", "the lowest of three layers is cut, the others are whole", 3, "the others are read all the same",
      coverage="content", listed="/top")
def cut_lower(d):
    return oci(d, plain(WHOLE[:2048 - 512]), archive(file("middle")), archive(file("top")))


@case("cut-empty-blob-gzip", "a gzip layer of no bytes at all", (1, 3),
      "no gzip stream is that short, and no bytes are not those of the diff ID", coverage="content")
def cut_empty_gzip(d):
    return oci(d, Layer(b"", sha(archive(file("x"))), GZIP))
