"""Compiles and links the stand-ins, keeps objects between variants of one build, and cuts section headers off.

Flags that distributions set by default are given one by one, so that the same sources give the same structure on Debian
and on Ubuntu."""
import os
import platform
import shutil
import struct
import subprocess

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "src")
COMPILE = ["-std=gnu11", "-Wall", "-Wextra", "-g0", "-fPIC", "-fno-stack-protector"]
X86 = ["-fcf-protection=none"]
LINK = ["-Wl,-z,relro", "-Wl,-z,lazy", "-Wl,--hash-style=gnu", "-Wl,--no-as-needed", "-Wl,--build-id=sha1"]
NODES = ["XZ_5.0", "XZ_5.2", "XZ_5.4", "XZ_5.6.0"]


class Missing(Exception):
    """A tool that a variant needs is not installed."""


class BuildError(Exception):
    """A command failed; its words and output are the message."""


def tool(name):
    """The path of "gcc" or "strip" (for x86-64, wherever it runs) or of another program by its own name."""
    names = [name]
    if name in ("gcc", "strip"):
        names = ["x86_64-linux-gnu-" + name] + ([name] if platform.machine() == "x86_64" else [])
    for candidate in names:
        path = shutil.which(candidate)
        if path:
            return path
    raise Missing("%s is not installed" % name)


def run(words, cwd=None):
    env = dict(os.environ, LC_ALL="C", SOURCE_DATE_EPOCH="0")
    done = subprocess.run(words, cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        raise BuildError("%s\n%s%s" % (" ".join(words), done.stdout, done.stderr))


def api_names():
    """(version node, name, what it returns or "-") of liblzma's public names."""
    with open(os.path.join(SOURCES, "api.txt"), encoding="ascii") as f:
        return [tuple(line.split()) for line in f if line.strip() and not line.startswith("#")]


class Toolchain:
    """One build's scratch directory: generated sources and objects, reused while the flags are the same."""

    def __init__(self, scratch):
        self.scratch = scratch
        self.objects = {}
        with open(os.path.join(scratch, "api.c"), "w", encoding="ascii") as f:
            for _, name, value in api_names():
                if value != "-":
                    f.write("long %s(void);\nlong %s(void) { return %s; }\n" % (name, name, value))

    def compile(self, cc, flags, source):
        key = (cc, tuple(flags), source)
        if key not in self.objects:
            where = self.scratch if source == "api.c" else SOURCES
            target = os.path.join(self.scratch, "%d.o" % len(self.objects))
            run([tool(cc)] + list(flags) + ["-I.", "-c", source, "-o", target], cwd=where)
            self.objects[key] = target
        return self.objects[key]

    def version_script(self, exports):
        path = os.path.join(self.scratch, "version.map")
        with open(path, "w", encoding="ascii") as f:
            before = ""
            for node in NODES:
                names = [n for v, n, _ in api_names() if v == node]
                local = " local: *;" if not before else ""
                f.write("%s { global: %s;%s }%s;\n" % (node, "; ".join(names), local, before))
                before = " " + node
            if exports:
                f.write("STANDIN_1 { global: %s; }%s;\n" % ("; ".join(exports), before))
        return path

    def build(self, variant, path, soname):
        """Writes one variant to path."""
        arm = variant.architecture == "aarch64"
        target = ["--target=aarch64-linux-gnu"] if arm else []
        flags = target + COMPILE + ([] if arm else X86) + [variant.optimise] + list(variant.compile)
        if variant.compiler != "gcc":
            flags += ["-Wno-unused-command-line-argument", "-Wno-unused-function"]
        objects = [self.compile(variant.compiler, flags + list(unit[1:]), unit[0]) for unit in variant.units]
        words = [tool(variant.compiler)] + target + objects + ["-o", path] + LINK + list(variant.link)
        if variant.linker:
            if not shutil.which("ld." + variant.linker) and not shutil.which("ld.%s-16" % variant.linker):
                raise Missing("ld.%s is not installed" % variant.linker)
            words.append("-fuse-ld=" + variant.linker)
        if arm:
            words.append("-nostdlib")
            words.append("-Wl,-s")                # binutils' strip may not know the machine
        if variant.kind == "library":
            words += ["-shared", "-Wl,--no-relax", "-Wl,-soname," + soname,
                      "-Wl,--version-script," + self.version_script(variant.exports)]
        run(words)
        if not variant.keep_symbols and not arm:  # not by the linker's -s: it forgets the GNU mark that IFUNCs call for
            run([tool("strip"), "--strip-all", path])
        if variant.mark is not None:
            change(path, 7, bytes([variant.mark]))
        if not variant.sections:
            cut_sections(path)


def change(path, offset, data):
    with open(path, "r+b") as f:
        f.seek(offset)
        f.write(data)


def cut_sections(path):
    """Removes the section headers and everything behind the last segment: what a loader never reads."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    phoff, = struct.unpack_from("<Q", data, 32)
    phentsize, phnum = struct.unpack_from("<HH", data, 54)
    end = phoff + phentsize * phnum
    for k in range(phnum):
        offset, = struct.unpack_from("<Q", data, phoff + k * phentsize + 8)
        size, = struct.unpack_from("<Q", data, phoff + k * phentsize + 32)
        end = max(end, offset + size)
    struct.pack_into("<Q", data, 40, 0)           # e_shoff
    struct.pack_into("<HHH", data, 58, 0, 0, 0)   # e_shentsize, e_shnum, e_shstrndx
    with open(path, "wb") as f:
        f.write(data[:end])
