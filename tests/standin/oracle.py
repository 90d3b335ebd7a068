"""An independent judge of the structure rules: readelf for the tables, objdump for the code, and a small walk in Python.

It shares nothing with careen and nothing with the generator, reads only what a loader reads (no section headers), and
knows the forms of slot call that the stand-ins have; it is no detector for the world."""
import dataclasses
import re
import subprocess

NO_RETURN = frozenset(("__stack_chk_fail", "abort", "exit", "_exit", "__assert_fail", "__fortify_fail"))
TLS_RELOCATIONS = ("R_X86_64_DTPMOD64", "R_X86_64_DTPOFF64", "R_X86_64_TPOFF64", "R_X86_64_TLSDESC")
READS_LAST = re.compile(r"^(cmp|test|nop|push|bt[bwlq]?$|prefetch|mul|div|idiv|fld|ldmxcsr|call|jmp|xrstor)")
OTHER_NAMES = {"<OS specific>: 10": "IFUNC"}    # readelf's word where EI_OSABI does not say GNU
SCRATCH = ("rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11")
STEP = 1024                 # bytes disassembled at a time
MOST = 60000                # instructions of one resolver


def tool(*words):
    done = subprocess.run(words, capture_output=True, text=True, errors="replace", check=True,
                          env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"})
    return done.stdout


@dataclasses.dataclass
class Slot:
    target: int = 0         # address in this file, or 0
    symbol: str = ""
    relocation: str = ""


class Image:
    """What readelf says of one x86-64 file."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as f:
            self.data = f.read()
        self.loads, self.has_tls = [], False
        for kind, offset, address, filesz, flags in re.findall(
                r"^ +(LOAD|TLS) +0x(\w+) 0x(\w+) 0x\w+ 0x(\w+) 0x\w+ ([RWE ]{3})", tool("readelf", "-Wl", path), re.M):
            if kind == "TLS":
                self.has_tls = True
            else:
                self.loads.append((int(address, 16), int(filesz, 16), int(offset, 16), "E" in flags))
        self.symbols = self._symbols(tool("readelf", "-W", "-D", "-s", path))
        every = self.symbols
        if re.search(r"\.symtab\b", tool("readelf", "-WS", path)):
            every = every + self._symbols(tool("readelf", "-W", "-s", path))
        self.ifuncs = {value for value, kind, section, _ in every if kind == "IFUNC" and section != "UND"}
        self.imports = {name for _, _, section, name in self.symbols if section == "UND" and name}
        self.slots, self.irelative, self.types = {}, set(), set()
        self._relocations(tool("readelf", "-W", "-D", "-r", path))

    @staticmethod
    def _symbols(text):
        rows = re.findall(r"^ +\d+: (\w+) +\w+ (\w+|<[^>]*>: \d+) +\w+ +\w+(?: +\[.*?\])? +(\w+) ?(\S*)", text, re.M)
        return [(int(value, 16), OTHER_NAMES.get(kind, kind), section, name.split("@")[0]) for value, kind, section, name in rows]

    def _relocations(self, text):
        defined = {name: value for value, kind, section, name in self.symbols if section != "UND" and kind != "IFUNC"}
        for where, kind, rest in re.findall(r"^([0-9a-f]{16}) +[0-9a-f]{16} (R_X86_64_\w+) +(.*)$", text, re.M):
            self.types.add(kind)
            at, words = int(where, 16), rest.split()
            if kind == "R_X86_64_RELATIVE":
                self.slots[at] = Slot(int(words[0], 16), "", kind)
            elif kind == "R_X86_64_IRELATIV" or kind == "R_X86_64_IRELATIVE":
                self.irelative.add(int(words[0].rstrip("()"), 16))
            elif kind in ("R_X86_64_GLOB_DAT", "R_X86_64_JUMP_SLOT", "R_X86_64_64") and "+" in words:
                name = words[words.index("+") - 1].split("@")[0]
                self.slots[at] = Slot(defined.get(name, 0), name, kind)
        for at in self._packed():
            self.types.add("DT_RELR")
            self.slots[at] = Slot(int.from_bytes(self.bytes_at(at, 8), "little"), "", "DT_RELR")

    def _packed(self):
        """The places of DT_RELR by the generic ABI: readelf of some versions lists them, of others not."""
        found = dict(re.findall(r"\((RELR|RELRSZ)\) +(\w+)", tool("readelf", "-W", "-d", self.path)))
        if len(found) < 2:
            return
        table, size, at = int(found["RELR"], 16), int(found["RELRSZ"]), 0
        for place in range(table, table + size, 8):
            entry = int.from_bytes(self.bytes_at(place, 8), "little")
            if entry & 1 == 0:
                yield entry
                at = entry + 8
                continue
            yield from (at + 8 * bit for bit in range(63) if entry >> (bit + 1) & 1)
            at += 63 * 8

    def bytes_at(self, address, size):
        for start, length, offset, _ in self.loads:
            if start <= address < start + length:
                begin = offset + address - start
                return self.data[begin:begin + min(size, start + length - address)]
        return b""

    def segment(self, address):
        """The executable segment that holds an address, or None."""
        return next((s for s in self.loads if s[3] and s[0] <= address < s[0] + s[1]), None)

    def is_code(self, address):
        return self.segment(address) is not None

    @property
    def resolvers(self):
        return sorted(self.ifuncs | self.irelative)

    @property
    def rule_d(self):
        return "__tls_get_addr" in self.imports and not self.has_tls and not self.types.intersection(TLS_RELOCATIONS)


@dataclasses.dataclass(frozen=True)
class Line:
    at: int
    after: int
    verb: str
    operands: tuple
    named: int              # the address that objdump works out of a rip-relative operand, or 0
    target: int             # of a direct jump or call, or 0


class Code:
    """Instructions by address, from objdump on the raw bytes, fetched where the walk arrives."""

    def __init__(self, image):
        self.image = image
        self.lines = {}

    def at(self, address):
        if address not in self.lines:
            self._sweep(address)
        return self.lines.get(address)

    def _sweep(self, address):
        segment = self.image.segment(address)
        if segment is None:
            return
        start, length, offset, _ = segment
        stop = min(address + STEP, start + length)
        text = tool("objdump", "-D", "-z", "-w", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn",
                    "--adjust-vma=%#x" % (start - offset), "--start-address=%#x" % address, "--stop-address=%#x" % stop,
                    self.image.path)
        rows = re.findall(r"^ *([0-9a-f]+):\t(.*?)\s*$", text, re.M)
        ends = [int(r[0], 16) for r in rows[1:]] + [stop]
        if stop < start + length and len(rows) > 2:
            rows = rows[:-2]                        # the last may be cut in two
        for (at, words), after in zip(rows, ends):
            self.lines.setdefault(int(at, 16), self._line(int(at, 16), after, words))

    @staticmethod
    def _line(at, after, text):
        text, _, comment = text.partition("#")
        words = [w for w in text.split(None) if w not in ("bnd", "notrack", "rex.W", "lock", "rep", "repz", "repnz")]
        verb = words[0] if words else "(bad)"
        rest = " ".join(words[1:])
        operands = tuple(re.findall(r"(?:[^,(]|\([^)]*\))+", rest))
        named = int(comment.strip().split()[0], 16) if comment.strip() else 0
        direct = re.fullmatch(r"(?:0x)?([0-9a-f]+)", rest) if verb[0] == "j" or verb.startswith("call") else None
        return Line(at, after, verb, operands, named, int(direct.group(1), 16) if direct else 0)


@dataclasses.dataclass
class Walk:
    """What is reachable from one resolver."""
    functions: set
    slot_calls: list        # (how, relocation)
    stores: list            # addresses
    loads: set = dataclasses.field(default_factory=set)   # slots of local functions that are read
    imports: set = dataclasses.field(default_factory=set)  # other libraries' functions that are called
    lines: int = 0

    @property
    def rules(self):
        out = set()
        if self.slot_calls:
            out.add("A")
        if len(self.functions) >= 3:
            out.add("B")
        if len(self.functions) > 1 and self.stores:
            out.add("C")
        return out


def walk(image, code, resolver, no_return=NO_RETURN):
    """Recursive descent from a resolver. Registers and frame cells are known along straight code alone."""
    out = Walk({resolver}, [], [])
    work, seen = [(resolver, {})], set()
    while work:
        at, known = work.pop()
        while at not in seen and out.lines < MOST:
            seen.add(at)
            line = code.at(at)
            if line is None or line.verb in ("ret", "retq", "hlt", "ud2", "int3", "(bad)"):
                break
            out.lines += 1
            at = line.after
            if line.verb.startswith("call") or line.verb in ("jmp", "jmpq"):
                goes_on = _transfer(image, code, line, known, out, work, no_return)
                if not goes_on:
                    break
                for register in SCRATCH:
                    known.pop(register, None)
            elif line.verb[0] == "j":
                work.append((line.target, dict(known)))
            else:
                if _is_computed_store(line):
                    out.stores.append(line.at)
                _learn(image, line, known)
                if line.named in image.slots and image.is_code(image.slots[line.named].target):
                    out.loads.add(line.named)
    return out


def _enter(out, work, target):
    if target not in out.functions:
        out.functions.add(target)
        work.append((target, {}))


def _through(image, slot, how, out, work, no_return):
    """Control goes through a slot. True when it may come back."""
    filled = image.slots[slot]
    if filled.target and image.is_code(filled.target):
        out.slot_calls.append((how, filled.relocation))
        _enter(out, work, filled.target)
        return True
    out.imports.add(filled.symbol)
    return filled.symbol not in no_return


def _plt_slot(image, code, address):
    """The slot of a PLT stub at an address, or None."""
    line = code.at(address)
    if line is not None and line.verb == "endbr64":
        line = code.at(line.after)
    if line is not None and line.verb in ("jmp", "jmpq") and line.operands[0].startswith("*") and line.named in image.slots:
        return line.named
    return None


def _transfer(image, code, line, known, out, work, no_return):
    """A call or an unconditional jump. True when the walk goes on behind it."""
    is_call = line.verb.startswith("call")
    if line.target:
        slot = _plt_slot(image, code, line.target)
        if slot is not None:
            return _through(image, slot, "plt", out, work, no_return) and is_call
        if not image.is_code(line.target):
            return is_call
        if is_call:
            _enter(out, work, line.target)
        else:
            work.append((line.target, dict(known)))
        return is_call
    operand = line.operands[0].lstrip("*")
    how, slot = "memory", None
    if line.named:
        slot = line.named
    elif operand.startswith("%"):
        how, slot = "register", _content(known.get(operand[1:]))
    elif re.fullmatch(r"\(%(\w+)\)", operand):
        base = known.get(operand[2:-1])
        slot = base[1] if base and base[0] == "address" else None
    else:
        slot = _content(known.get(operand))
    if slot in image.slots:
        return _through(image, slot, how, out, work, no_return) and is_call
    return is_call


def _content(value):
    return value[1] if value and value[0] == "content" else None


def _is_computed_store(line):
    if READS_LAST.match(line.verb) or not line.operands:
        return False
    last = line.operands[-1]
    base = re.match(r"^[^%]*\(%(\w+)", last)        # a segment prefix has a % before the parenthesis
    return bool(base) and base.group(1) not in ("rsp", "rbp", "rip")


def _learn(image, line, known):
    """Keeps what registers and frame cells hold: the content of a slot, or the address of one."""
    if not line.operands:
        return
    last, first = line.operands[-1], line.operands[0]
    value = None
    if line.verb in ("mov", "movq") and len(line.operands) == 2:
        if line.named and line.named in image.slots and not last.endswith("(%rip)"):
            value = ("content", line.named)
        elif first.startswith("%"):
            value = known.get(first[1:])
        elif re.fullmatch(r"\(%(\w+)\)", first):
            base = known.get(first[2:-1])
            value = ("content", base[1]) if base and base[0] == "address" else None
        else:
            value = known.get(first)
    elif line.verb == "lea" and line.named:
        value = ("address", line.named)
    where = last[1:] if last.startswith("%") else last
    if value is not None:
        known[where] = value
    elif not READS_LAST.match(line.verb):
        known.pop(_wide(where), None)
    if line.verb in ("cpuid", "xchg"):
        known.clear()


def _wide(register):
    """rax for eax, ax, al; other names as they are."""
    short = {"a": "rax", "b": "rbx", "c": "rcx", "d": "rdx"}
    match = re.fullmatch(r"e?([abcd])[xlh]", register)
    if match:
        return short[match.group(1)]
    match = re.fullmatch(r"e?(si|di|bp|sp)l?", register)
    if match:
        return "r" + match.group(1)
    return re.sub(r"^(r\d+)[bwd]$", r"\1", register)


def judge(path, no_return=NO_RETURN):
    """(rules that hold, walks by resolver, image) of one file. B and C are counted over all resolvers."""
    image = Image(path)
    code = Code(image)
    walks = {r: walk(image, code, r, no_return) for r in image.resolvers if image.is_code(r)}
    rules = set().union(*(w.rules for w in walks.values())) if walks else set()
    if image.rule_d:
        rules.add("D")
    return rules, walks, image
