# ELF files whose tables lie, and resolvers that keep a walker busy. A file that the dynamic linker would take must be
# understood; one whose tables cannot be followed has a coverage row that names it. Honest images carry broken ELF files too
# (test data of compilers and debuggers), so that row need not decide the verdict.
import struct

from case import case
from elfmaker import DYNAMIC, GOT, IRELATIVE, PAGE, RELATIVE, STT_FUNC, TEXT, Code, Elf, clean, infected
from layout import gzipped, oci
from tarmaker import archive, file, usual

BROKEN = "no loader takes it, or what it takes was read: said either way, and counted as unread or not"
SAID = ("libstandin.so.1",)
HARMLESS = "legal but odd: examined, usual verdict"
LIB = "usr/lib/libstandin.so.1"


def image(d, data, name=LIB):
    return oci(d, gzipped(archive(*usual(), file(name, data, mode=0o755)), 1))


def elf(name, attack, exits, why, make, **more):
    if exits == 3:  # broken tables
        exits = (0, 3)
        more.setdefault("says", SAID)

    @case("elf-" + name, attack, exits, why, coverage="content or threats" if exits != 0 else "", **more)
    def build(d):
        made = make()
        return image(d, made if isinstance(made, bytes) else made.build())


def words(*values):
    return struct.pack(f"<{len(values)}I", *values)


elf("control", "a clean library with an IFUNC", 0, "the control", clean, listed="/" + LIB)

# --- the header and the program headers
elf("magic-only", "a file of the four magic bytes", (0, 3), "no ELF file yet, or one that is cut", lambda: b"\x7fELF")
elf("cut-header", "a library cut after 40 bytes", 3, BROKEN, lambda: clean().build()[:40])
elf("cut-program-headers", "a library cut inside its program headers", 3, BROKEN, lambda: clean().build()[:200])
elf("cut-tables", "a library cut before its symbol table", 3, BROKEN, lambda: clean().build()[:0x3000])
elf("cut-dynamic", "a library cut inside its dynamic section", 3, BROKEN, lambda: clean().build()[:DYNAMIC + 40])
elf("phnum-huge", "65,534 program headers in a small file", 3, BROKEN, lambda: clean(header={"phnum": 65534}))
elf("phnum-extended", "PN_XNUM, and a section 0 that says 4 billion program headers", 3, BROKEN,
    lambda: clean(header={"phnum": 0xFFFF, "shoff": 0x1700, "shnum": 1}), says=())
elf("phoff-beyond", "program headers past the end of the file", 3, BROKEN, lambda: clean(header={"phoff": 1 << 40}))
elf("phoff-wrap", "program headers at 2^64 - 32", 3, BROKEN, lambda: clean(header={"phoff": 2 ** 64 - 32}))
elf("phentsize-odd", "program headers of 1 byte each", 3, BROKEN, lambda: clean(header={"phentsize": 1}))
elf("shoff-beyond", "section headers past the end of the file", 0, "nothing needs section headers to run",
    lambda: clean(header={"shoff": 1 << 50, "shnum": 40, "shstrndx": 39}), listed="/" + LIB)
elf("shnum-huge", "65,279 sections that overlap everything", 0, "nothing needs section headers to run",
    lambda: clean(header={"shoff": 64, "shnum": 65279, "shstrndx": 65278}))
elf("no-segments", "a shared object without any program header", 0, "nothing of it can be loaded, and nothing is hidden",
    lambda: clean(segments=lambda p: []))
elf("machine-unknown", "a library for the unknown machine 0xBEEF", 0, "any architecture: facts, no decoding",
    lambda: clean(header={"machine": 0xBEEF}))
elf("class-lies", "a 64-bit library that calls itself 32-bit", (0, 3), "other offsets mean other tables",
    lambda: b"\x7fELF\x01" + clean().build()[5:])
elf("endian-lies", "a little-endian library that calls itself big-endian", (0, 3), "other byte order means other tables",
    lambda: b"\x7fELF\x02\x02" + clean().build()[6:])
elf("type-odd", "e_type 0xFFFF and e_version 99", (0, 3), "no loader takes it", lambda: clean(header={"type": 0xFFFF, "version": 99}))


def bent(index, **changes):
    fields = ["type", "flags", "offset", "vaddr", "paddr", "filesz", "memsz", "align"]

    def change(segments):
        for key, value in changes.items():
            segments[index][fields.index(key)] = value
        return segments
    return lambda: clean(segments=change)


elf("load-beyond", "a PT_LOAD that lies past the end of the file", (0, 3), BROKEN, bent(0, offset=1 << 40))
elf("load-wrap", "a PT_LOAD whose offset and size wrap around 2^64", (0, 3), BROKEN, bent(0, offset=2 ** 64 - 8, filesz=64))
elf("load-address-wrap", "a PT_LOAD whose address and size wrap around 2^64", (0, 3), BROKEN, bent(0, vaddr=2 ** 64 - 4096))
elf("load-memory-huge", "a PT_LOAD of 2^63 bytes of memory", 0, "nothing is reserved for it", bent(3, memsz=1 << 63))
elf("load-align-odd", "alignments of 3 and of 2^63", 0, HARMLESS, bent(3, align=3))
elf("load-overlap", "two PT_LOADs over the same addresses, the same bytes", 0, HARMLESS,
    lambda: clean(segments=lambda p: p[:4] + [list(p[3])] + p[4:]))
elf("load-unordered", "PT_LOADs in falling order", (0, 3), "the loader refuses it; nothing is hidden by it", lambda: clean(segments=lambda p: p[3::-1] + p[4:]))
elf("load-sixty", "60 PT_LOADs over one page", 0, HARMLESS, lambda: clean(segments=lambda p: p + [list(p[0])] * 60))
elf("dynamic-beyond", "PT_DYNAMIC past the end of the file", 3, BROKEN, bent(4, offset=1 << 40, vaddr=1 << 40))
elf("dynamic-twice", "two PT_DYNAMIC", (0, 3), "the loader takes the last", lambda: clean(segments=lambda p: p + [list(p[4])]))
elf("dynamic-unended", "a dynamic section without its end", (0, 3), "ended by its size",
    lambda: clean(segments=lambda p: p[:4] + [[*p[4][:5], p[4][5] - 16, p[4][6] - 16, 8]]))
elf("interp-hostile", "an interpreter path of 4,000 bytes with escapes and no NUL", (0, 3), "only text", lambda: clean(
    segments=lambda p: p + [[3, 4, TEXT, TEXT, TEXT, 4000, 4000, 1]], text=b"\x1b[31m" * 800), terminal=True)
elf("note-sizes", "a PT_NOTE whose name and content sizes wrap around 2^32", (0, 3), "notes are read within bounds", lambda: clean(
    segments=lambda p: p + [[4, 4, TEXT + 0x80, TEXT + 0x80, 0, 64, 64, 4]],
    text=Code().lea_rax(TEXT + 0x40).ret().align(0x80).data + words(0xFFFFFFFF, 0xFFFFFFFD, 3) + bytes(52)))


# --- the dynamic section
def dynamic(**tags):
    return lambda: clean(dynamic=tags)


elf("strtab-outside", "DT_STRTAB outside of every segment", 3, BROKEN, dynamic(STRTAB=1 << 40))
elf("strtab-wrap", "DT_STRTAB and DT_STRSZ that wrap around 2^64", 3, BROKEN, dynamic(STRTAB=2 ** 64 - 16, STRSZ=2 ** 64 - 1))
elf("strsz-zero", "DT_STRSZ of 0, with names beyond it", (0, 3), "names are cut, or said to be unreadable", dynamic(STRSZ=0))
elf("strsz-huge", "DT_STRSZ of 2^63", (0, 3), "cut at the end of the segment", dynamic(STRSZ=1 << 63))
elf("needed-outside", "DT_NEEDED offsets beyond the string table", (0, 3), "no name there", lambda: clean(
    more_dynamic=[(1, 0xFFFFFFFF)] * 10))
elf("needed-many", "60 DT_NEEDED of one name", 0, HARMLESS, lambda: clean(more_dynamic=[(1, 1)] * 60))
elf("needed-self", "a library that needs itself", 0, "followed once", lambda: clean(needed=[b"libstandin.so.1"]))
elf("needed-path", "DT_NEEDED of ../../../../etc/shadow, /dev/zero and escapes", 0, "looked up in the image only", lambda: clean(
    needed=[b"../../../../etc/shadow", b"/dev/zero", b"\x1b[2J.so"]), terminal=True)
elf("soname-escape", "a SONAME with escapes and newlines", 0, HARMLESS, lambda: clean(soname=b"\x1b[2J\nclean: nothing\n"),
    terminal=True)
elf("runpath-endless", "a RUNPATH of 5,000 folders, $ORIGIN/../ repeated", 0, "looked up in the image only",
    lambda: clean(needed=[b"libc.so.6", b":".join([b"$ORIGIN/../../.."] * 5000)], more_dynamic=[(29, 11)]))
elf("symtab-outside", "DT_SYMTAB outside of every segment", 3, BROKEN, dynamic(SYMTAB=1 << 40))
elf("syment-odd", "DT_SYMENT of 1", (0, 3), "the size is fixed by the machine", dynamic(SYMENT=1))
elf("relasz-huge", "DT_RELASZ of 2^60", 3, BROKEN, dynamic(RELASZ=1 << 60))
elf("rela-outside", "DT_JMPREL outside of every segment", 3, BROKEN, dynamic(JMPREL=1 << 45))
elf("relaent-zero", "DT_RELAENT of 0, by which a table would never end", (0, 3), "the size is fixed by the machine", dynamic(RELAENT=0))
elf("rela-symbol-outside", "relocations that name symbol 4 billion", (0, 3), "no such symbol", lambda: with_relas(
    [(GOT, 6, 0xFFFFFFFF, 0), (GOT + 8, 7, 0x7FFFFFFF, 0)]))
elf("rela-target-outside", "relocations that fill slots outside of every segment", (0, 3), "no such slot", lambda: with_relas(
    [(1 << 50, RELATIVE, 0, TEXT), (2 ** 64 - 1, RELATIVE, 0, TEXT)]))
elf("counts-huge", "DT_VERNEEDNUM, DT_VERDEFNUM and DT_RELACOUNT of 2^64 - 1", (0, 3), "bounded by the tables", lambda: clean(
    more_dynamic=[(0x6FFFFFFE, TEXT), (0x6FFFFFFF, 2 ** 64 - 1), (0x6FFFFFFC, TEXT), (0x6FFFFFFD, 2 ** 64 - 1),
                  (0x6FFFFFF9, 2 ** 64 - 1)]))
elf("init-array-huge", "DT_INIT_ARRAYSZ of 2^50", (0, 3), "bounded by the segment", lambda: clean(
    more_dynamic=[(25, GOT), (27, 1 << 50), (12, 2 ** 64 - 1)]))
elf("hash-count-huge", "DT_HASH that counts 4 billion symbols", (0, 3), "bounded by the tables", lambda: clean(
    text=Code().lea_rax(TEXT + 0x40).ret().align(0x80).data + words(1, 0xFFFFFFFF, 0, 0), dynamic={"HASH": TEXT + 0x80}))
elf("gnu-hash-endless", "DT_GNU_HASH whose chain has no end", (0, 3), "bounded by the segment", lambda: clean(
    gnu_hash=words(1, 1, 1, 0) + bytes(8) + words(1) + words(*[2] * 4000)))
elf("gnu-hash-buckets", "DT_GNU_HASH of 4 billion buckets and Bloom words", (0, 3), "bounded by the segment", lambda: clean(
    gnu_hash=words(0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 31) + bytes(64)))
elf("gnu-hash-symoffset", "DT_GNU_HASH whose buckets lie before its first symbol", (0, 3), "bounded by the tables", lambda: clean(
    gnu_hash=words(1, 0x7FFFFFFF, 1, 0) + bytes(8) + words(1, 1)))
elf("names-huge", "a symbol name of 4 MiB without an end", (0, 3), "cut, or said to be over a limit", lambda: named(b"n" * (4 << 20)))


def named(name):
    made = clean()
    made.symbols.append((name, STT_FUNC, TEXT + 0x40))
    return made


def with_relas(relas):
    made = clean()
    made.relas.extend(relas)
    return made


# --- resolvers
def resolver(name, attack, exits, why, make_code, relocate=None):
    def make():
        made = Elf(make_code().data).resolver()
        if relocate:
            relocate(made)
        return made
    elf("resolver-" + name, attack, exits, why, make)


def two_calls():
    return Code().call(TEXT + 0x40).ret().align(0x40).call(TEXT).ret().align(0x40)


def noise_code():
    code = Code()
    state = 1
    for _ in range(4096):
        state = state * 1103515245 + 12345 & 0xFFFFFFFF
        code.raw(struct.pack("<I", state))
    return code


def ladder(steps):
    """Each step jumps on two ways that meet again: 2^steps paths for who does not remember where it was."""
    code = Code()
    for _ in range(steps):
        code.raw(b"\x74\x01\x90")
    return code.lea_rax(TEXT).ret()


resolver("loop", "a resolver that is one endless jump", 0, "walked once; no call, no store", lambda: Code().raw(b"\xeb\xfe"))
resolver("loop-long", "a resolver of two jumps at each other, 64 KiB apart", 0, "walked once; no call, no store",
         lambda: Code().jump(TEXT + 0x10000).align(0x10000).jump(TEXT))
resolver("call-cycle", "two functions that call each other", 0, "each walked once; two functions, no store", two_calls)
resolver("call-self", "a resolver that calls itself", 0, "walked once", lambda: Code().call(TEXT).ret().align(0x40))
resolver("ladder", "a resolver of 4,000 branches (2^4000 paths)", 0, "each place walked once", lambda: ladder(4000))
resolver("million-nops", "a resolver of 4,000,000 instructions", (0, 3), "walked, or over the limit of the walk and said so",
         lambda: Code().raw(b"\x90" * 4_000_000).ret())
resolver("noise", "a resolver of noise", (0, 3), "no sense in it; no crash", noise_code)
resolver("cut-instruction", "a resolver whose last instruction runs past the segment", (0, 3), "ends with the segment",
         lambda: Code().raw(b"\x90" * 4095 + b"\x48"))
resolver("prefixes", "a resolver of 4,000 prefix bytes", (0, 3), "no instruction is that long", lambda: Code().raw(b"\x66" * 4000 + b"\xc3"))
resolver("middle", "a resolver that jumps into the middle of its own instructions", 0, "walked once",
         lambda: Code().raw(b"\xb8\xeb\xfe\x90\xc3").raw(b"\xeb\xfa"))
resolver("jump-out", "a resolver that calls an address outside of every segment", (0, 3), "nothing to walk there",
         lambda: Code().call(TEXT + 0x70000000).ret().align(0x40))
resolver("into-data", "a resolver that jumps into the data segment", (0, 3), "no code there", lambda: Code().jump(GOT).align(0x40))


@case("elf-resolver-outside", "IFUNC symbols at 0xffffffffffffffff, in data and past the end", (0, 3), "nothing to walk there",
      coverage="content or threats")
def resolver_outside(d):
    made = clean()
    for i, at in enumerate((2 ** 64 - 1, GOT, 1 << 47)):
        made.resolver(b"r%d" % i, at)
    return image(d, made.build())


@case("elf-calls-deep", "a chain of 50,000 functions, each calling the next", (0, 1, 3),
      "walked without recursion up to a limit; many functions and no store flag nothing", coverage="content or threats")
def calls_deep(d):
    code = Code()
    for i in range(50000):
        code.call(TEXT + (i + 1) * 6).ret()
    code.ret()
    return image(d, Elf(code.data).resolver().build())


@case("elf-irelative-100k", "100,000 IRELATIVE relocations to one resolver", 0, "one resolver, walked once")
def irelative_same(d):
    made = clean()
    made.relas.extend((GOT + 8 * (i % 100), IRELATIVE, 0, TEXT) for i in range(100_000))
    return image(d, made.build())


@case("elf-irelative-distinct", "100,000 IRELATIVE relocations to 100,000 resolvers", (0, 3), "walked, or over a limit and said so",
      coverage="content or threats")
def irelative_distinct(d):
    made = Elf(b"\xc3" * 100_000).resolver()
    made.relas.extend((GOT, IRELATIVE, 0, TEXT + i) for i in range(100_000))
    return image(d, made.build())


@case("elf-irelative-sled", "20,000 resolvers that each start inside one slide of 60,000 instructions", (0, 3),
      "10^9 instructions if each walk is paid anew: bounded for the whole file", coverage="content or threats")
def irelative_sled(d):
    made = Elf(b"\x90" * 60_000 + b"\xc3").resolver()
    made.relas.extend((GOT, IRELATIVE, 0, TEXT + i) for i in range(20_000))
    return image(d, made.build())


@case("elf-symbol-tables-many", "2,000 section headers that all name one symbol table of 40,000 functions", (0, 3),
      "80 million symbols if each is read anew: bounded for the whole file", coverage="content or threats")
def symbol_tables(d):
    table = bytes(24) + struct.pack("<IBBHQQ", 0, 1 << 4 | STT_FUNC, 0, 2, TEXT, 1) * 40_000
    data = clean().build() + table
    data += bytes(-len(data) % 8)
    section = struct.pack("<IIQQQQIIQQ", 0, 2, 0, 0, len(data) - len(table) - (-len(table) % 8), len(table), 0, 1, 8, 24)
    data = bytearray(data + section * 2000)
    data[40:48] = struct.pack("<Q", len(data) - 2000 * 64)
    data[60:62] = struct.pack("<H", 2000)
    return image(d, bytes(data))


@case("elf-names-shared", "300,000 symbols that share one name of 4,000 characters", (0, 3),
      "1.2 GB if each keeps its own copy: bounded", coverage="content or threats")
def names_shared(d):
    made = clean(soname=b"n" * 4000)
    made.symbols += [(b"", STT_FUNC, TEXT + 0x40)] * 300_000
    where = made.tables(TEXT + PAGE)[1]
    data, at = bytearray(made.build()), where["SYMTAB"] + 48
    data[at:at + 24 * 300_000] = struct.pack("<IBBHQQ", where["soname"], 1 << 4 | STT_FUNC, 0, 2, TEXT + 0x40, 16) * 300_000
    return image(d, bytes(data))


@case("elf-relocations-millions", "a library of 120 MB with 5,000,000 relocations", 3, "more than kMaxRelocations: the rest was not seen",
      coverage="threats", memory=400)
def relocations_millions(d):
    made = clean()
    text = made.text.ljust(0x1000, b"\xcc") + struct.pack("<QQq", GOT, RELATIVE, TEXT) * 5_000_000
    return image(d, clean(text=text, dynamic={"RELA": TEXT + 0x1000, "RELASZ": 24 * 5_000_000}).build())


OVER = "the loader reads on where this reader stops: what lies behind the limit was not seen, and it is not clean"


@case("elf-tags-16500", "a tampered library with 16,500 unknown dynamic tags in front of the real ones", 3, OVER, coverage="threats", says=SAID)
def tags_in_front(d):
    return image(d, tags_first(16_500))


@case("elf-tags-16000", "the same with 16,000 tags, which is within the limit", 1, "the loader passes over unknown tags, and so does the reader",
      finding=("backdoor", "structure"))
def tags_within(d):
    return image(d, tags_first(16_000))


def tags_first(count):
    made = infected()
    data, (_, where) = made.build(), made.tables(TEXT + PAGE)
    dynamic = struct.pack("<QQ", 0x60000001, 0) * count + made.dynamic_section(where)
    at = -(-len(data) // PAGE) * PAGE
    held = []
    made.segments = lambda p: held.extend(p[:4] + [[1, 6, at, at, at, len(dynamic), len(dynamic), PAGE],
                                                   [2, 6, at, at, at, len(dynamic), len(dynamic), 8]]) or held
    return made.build().ljust(at, b"\0") + dynamic


@case("elf-segments-5000", "a tampered library whose PT_LOADs and PT_DYNAMIC come behind 5,000 notes", 3, OVER, coverage="threats", says=SAID)
def segments_behind(d):
    made, held = infected(), []
    made.segments = lambda p: held.extend(p) or p
    data = made.build()
    table = b"".join(struct.pack("<IIQQQQQQ", *p) for p in [[0, 4, 0, 0, 0, 0, 0, 8]] * 5000 + held)
    data += bytes(-len(data) % 8)
    data = bytearray(data + table)
    data[32:40] = struct.pack("<Q", len(data) - len(table))
    data[56:58] = struct.pack("<H", len(table) // 56)
    return image(d, bytes(data))


def relr_first(words):
    """The stand-in behind packed relocations of the GOT's end, which its other tables follow."""
    made = infected()
    packed = struct.pack("<Q", GOT + 0x100) + b"".join(struct.pack("<Q", w) for w in words)
    made.text = made.text.ljust(0x100, b"\xcc") + packed
    made.more_dynamic = [(36, TEXT + 0x100), (35, len(packed)), (37, 8)]
    return made.build()


@case("elf-relr-over-limit", "a tampered library with 5,000,000 packed relocations in front of the real ones", 3, OVER, coverage="threats", says=SAID,
      memory=400)
def relr_over(d):
    return image(d, relr_first([2 ** 64 - 1] * 80_000))


@case("elf-relr-to-limit", "a tampered library with just as many packed relocations as the limit in front of the real ones", 3, OVER,
      coverage="threats", says=SAID, memory=400)
def relr_to_limit(d):
    words, left = divmod(4_000_000 - 1, 63)
    return image(d, relr_first([2 ** 64 - 1] * words + [(1 << (left + 1)) - 1]))


@case("elf-names-overlapping", "a program that opens libraries by name, with 4,000 PT_LOADs over one 8 MiB of names", 0,
      "32 GiB of text if each segment is searched anew: each byte is looked at once")
def names_overlapping(d):
    made, held = clean(), []
    made.symbols.append((b"dlopen", STT_FUNC, 0))
    made.text = made.text.ljust(PAGE, b"\xcc") + b"libplug.so\0notes.so\0" * 400_000
    made.segments = lambda p: held.extend(p) or p
    data = made.build()
    extra = [[1, 4, TEXT, TEXT, TEXT, len(made.text), len(made.text), PAGE]] * 4000
    table = b"".join(struct.pack("<IIQQQQQQ", *p) for p in extra + held)
    data += bytes(-len(data) % 8)
    data = bytearray(data + table)
    data[32:40] = struct.pack("<Q", len(data) - len(table))
    data[56:58] = struct.pack("<H", len(table) // 56)
    return image(d, bytes(data))


@case("elf-segments-walk", "4,000 PT_LOADs and resolvers that cost 4,000,000 instructions to walk", (0, 3),
      "finding an address must not cost a look at every segment each time; bounded", coverage="content or threats")
def segments_walk(d):
    made = Elf(b"\x90" * 60_000 + b"\xc3").resolver()
    made.relas.extend((GOT, IRELATIVE, 0, TEXT + i) for i in range(2000))
    held = []
    made.segments = lambda p: held.extend(p) or p
    data = made.build()
    loads = [[1, 5, TEXT, TEXT, TEXT, len(made.text), len(made.text), PAGE]]
    loads += [[1, 4, 0, (1 << 40) + i * PAGE, 0, 16, 16, PAGE] for i in range(4000)]
    table = b"".join(struct.pack("<IIQQQQQQ", *p) for p in [*held, *loads])
    data += bytes(-len(data) % 8)
    data = bytearray(data + table)
    data[32:40] = struct.pack("<Q", len(data) - len(table))
    data[56:58] = struct.pack("<H", len(table) // 56)
    return image(d, bytes(data))


@case("elf-many", "3,000 small libraries that need each other", 0, "each followed once", listed="/usr/lib/lib2999.so")
def many(d):
    files = [file(f"usr/lib/lib{i}.so", clean(soname=b"lib%d.so" % i, needed=[b"lib%d.so" % ((i + k) % 3000) for k in (1, 7, 99)]).build())
             for i in range(3000)]
    return oci(d, gzipped(archive(*usual(), *files), 1))


@case("elf-20m", "a clean library of 20 MiB: over the in-memory size, so spooled", 0, HARMLESS, listed="/" + LIB)
def big(d):
    return image(d, clean(padding=20 << 20).build())


@case("elf-20m-spool-limit", "the same with --spool-limit 1M", 3, "over the limit that was named", coverage="content or threats",
      args=("--spool-limit", "1M"))
def big_limited(d):
    return image(d, infected(padding=20 << 20).build())


@case("elf-20m-cut-tables", "a library of 20 MiB whose tables lie past its end", (0, 3), BROKEN, coverage="content or threats", says=SAID)
def big_broken(d):
    return image(d, clean(padding=20 << 20, dynamic={"SYMTAB": 1 << 40}).build())


@case("elf-file-argument", "file: of a library cut in the middle", (0, 3, 4), BROKEN, coverage="content or threats")
def file_argument(d):
    with open(f"{d}/cut.so", "wb") as f:
        f.write(clean().build()[:DYNAMIC + PAGE // 2][:DYNAMIC + 48])
    return f"file:{d}/cut.so"
