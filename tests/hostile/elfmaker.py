# Writes small x86-64 shared objects with IFUNC resolvers, whose tables may lie. File offsets equal addresses:
#   0x0000 headers   0x1000 dynamic section   0x1800 GOT   0x2000 text   then, page aligned, the tables
# `infected()` is a harmless stand-in: its resolver calls through a GOT slot that a RELATIVE relocation fills with a local
# function, which no compiler does and which the structure rules must find. It does nothing else.
import struct

DYNAMIC, GOT, TEXT, PAGE = 0x1000, 0x1800, 0x2000, 0x1000
PT_LOAD, PT_DYNAMIC = 1, 2
RELATIVE, GLOB_DAT, JUMP_SLOT, IRELATIVE = 8, 6, 7, 37
STT_FUNC, STT_IFUNC = 2, 10
TAGS = {"NEEDED": 1, "PLTRELSZ": 2, "HASH": 4, "STRTAB": 5, "SYMTAB": 6, "RELA": 7, "RELASZ": 8, "RELAENT": 9, "STRSZ": 10,
        "SYMENT": 11, "SONAME": 14, "PLTREL": 20, "JMPREL": 23, "RELACOUNT": 0x6ffffff9, "GNU_HASH": 0x6ffffef5,
        "VERNEED": 0x6ffffffe, "VERNEEDNUM": 0x6fffffff, "VERDEF": 0x6ffffffc, "VERDEFNUM": 0x6ffffffd}


def rip(op, at, target):
    """An instruction that ends in a displacement to `target`; `at` is its own address."""
    return op + struct.pack("<i", target - (at + len(op) + 4))


class Code:
    """Text that knows its own address."""

    def __init__(self, at=TEXT):
        self.base, self.data = at, b""

    @property
    def here(self):
        return self.base + len(self.data)

    def raw(self, data):
        self.data += data
        return self

    def call(self, target):
        return self.raw(rip(b"\xe8", self.here, target))

    def jump(self, target):
        return self.raw(rip(b"\xe9", self.here, target))

    def call_slot(self, slot):
        return self.raw(rip(b"\xff\x15", self.here, slot))

    def lea_rax(self, target):
        return self.raw(rip(b"\x48\x8d\x05", self.here, target))

    def ret(self):
        return self.raw(b"\xc3")

    def align(self, to):
        return self.raw(b"\xcc" * (-len(self.data) % to))


class Elf:
    """Set the fields, bend what should lie, then `build()`."""

    def __init__(self, text=b"\xc3"):
        self.text = text
        self.symbols = []        # (name, type, address); address 0: imported
        self.relas = []          # (offset, type, symbol index, addend), the DT_RELA table
        self.jmprel = []         # the same, the DT_JMPREL table
        self.needed = [b"libc.so.6"]
        self.soname = b"libstandin.so.1"
        self.dynamic = {}        # tag name: value that replaces the right one; None leaves the tag out
        self.more_dynamic = []   # (tag, value) added at the end
        self.header = {}         # field of the ELF header: value
        self.segments = None     # function(list of program headers) -> list
        self.gnu_hash = None     # bytes that replace the hash table
        self.padding = 0         # bytes of zeros behind the tables
        self.fill = b"\0"

    def resolver(self, name=b"checksum", at=TEXT):
        self.symbols.append((name, STT_IFUNC, at))
        self.jmprel.append((GOT + 8 * (8 + len(self.jmprel)), JUMP_SLOT, len(self.symbols), 0))
        return self

    def tables(self, at):
        """The bytes of the tables and where each begins."""
        strings, where, out = bytearray(b"\0"), {}, bytearray()

        def name(text):
            strings.extend(text + b"\0")
            return len(strings) - len(text) - 1

        symbols = bytearray(24)
        for text, kind, value in self.symbols:
            symbols += struct.pack("<IBBHQQ", name(text), 1 << 4 | kind, 0, 2 if value else 0, value, 16 if value else 0)
        where["needed"] = [name(n) for n in self.needed]
        where["soname"] = name(self.soname)
        count = len(self.symbols) + 1
        sysv = struct.pack("<II", 1, count) + struct.pack("<I", 1 if count > 1 else 0)
        sysv += b"".join(struct.pack("<I", i + 1 if 0 < i < count - 1 else 0) for i in range(count))
        relas = [b"".join(struct.pack("<QQq", o, s << 32 | t, a) for o, t, s, a in r) for r in (self.relas, self.jmprel)]
        for key, data in (("SYMTAB", symbols), ("STRTAB", strings), ("HASH", sysv), ("GNU_HASH", self.gnu_hash or b""),
                          ("RELA", relas[0]), ("JMPREL", relas[1])):
            out += bytes(-len(out) % 8)
            where[key] = at + len(out)
            out += data
        where.update(STRSZ=len(strings), RELASZ=len(relas[0]), PLTRELSZ=len(relas[1]))
        return bytes(out), where

    def dynamic_section(self, where):
        pairs = [("NEEDED", n) for n in where["needed"]] + [("SONAME", where["soname"])]
        keys = ["SYMTAB", "STRTAB", "STRSZ", "RELA", "RELASZ", "JMPREL", "PLTRELSZ"]
        keys.append("HASH" if self.gnu_hash is None else "GNU_HASH")
        pairs += [(k, where[k]) for k in keys] + [("SYMENT", 24), ("RELAENT", 24), ("PLTREL", 7)]
        pairs = [(k, self.dynamic.get(k, v)) for k, v in pairs]
        raw = [(TAGS[k], v) for k, v in pairs if v is not None] + self.more_dynamic + [(0, 0)]
        return b"".join(struct.pack("<QQ", t, v % 2 ** 64) for t, v in raw)

    def build(self):
        tables_at = -(-(TEXT + len(self.text)) // PAGE) * PAGE
        tables, where = self.tables(tables_at)
        tables += self.fill * self.padding
        dynamic = self.dynamic_section(where)
        if len(dynamic) > GOT - DYNAMIC:
            raise ValueError("the dynamic section runs into the GOT")
        loads = [[PT_LOAD, 4, 0, 0, 0, 0x1000, 0x1000, PAGE], [PT_LOAD, 6, 0x1000, 0x1000, 0x1000, 0x1000, 0x1000, PAGE],
                 [PT_LOAD, 5, TEXT, TEXT, TEXT, len(self.text), len(self.text), PAGE],
                 [PT_LOAD, 4, tables_at, tables_at, tables_at, len(tables), len(tables), PAGE],
                 [PT_DYNAMIC, 6, DYNAMIC, DYNAMIC, DYNAMIC, len(dynamic), len(dynamic), 8]]
        segments = self.segments(loads) if self.segments else loads
        head = {"type": 3, "machine": 62, "version": 1, "entry": 0, "phoff": 64, "shoff": 0, "flags": 0, "ehsize": 64,
                "phentsize": 56, "phnum": len(segments), "shentsize": 64, "shnum": 0, "shstrndx": 0, **self.header}
        ident = b"\x7fELF\x02\x01\x01" + bytes(9)
        out = ident + struct.pack("<HHIQQQIHHHHHH", *(v % 2 ** 64 for v in head.values()))
        out += b"".join(struct.pack("<IIQQQQQQ", *(v % 2 ** 64 for v in p)) for p in segments)
        out = out.ljust(DYNAMIC, b"\0")[:DYNAMIC] + dynamic
        out = out.ljust(TEXT, b"\0") + self.text
        return out.ljust(tables_at, b"\0") + tables


def clean(**fields):
    """A shared object whose resolver only picks an address."""
    code = Code().lea_rax(TEXT + 0x40).ret().align(0x40).ret().align(0x40)
    return dress(Elf(code.data).resolver(), fields)


def infected(**fields):
    """The stand-in: the resolver calls a local function through a GOT slot."""
    code = Code().raw(b"\x48\x83\xec\x08").call_slot(GOT).lea_rax(TEXT + 0x80).raw(b"\x48\x83\xc4\x08").ret()
    code.align(0x40).raw(b"\xb8\x01\x00\x00\x00").ret().align(0x80).ret().align(0x40)
    elf = Elf(code.data).resolver()
    elf.relas.append((GOT, RELATIVE, 0, TEXT + 0x40))
    return dress(elf, fields)


def dress(elf, fields):
    for key, value in fields.items():
        if not hasattr(elf, key):
            raise AttributeError(key)
        setattr(elf, key, value)
    return elf
