"""The table of stand-ins and controls: what each is made of, which rules hold for it, and what a detector must say.

The rules, of the structure detector's own definition:
  A  code reachable from an IFUNC resolver calls or jumps through a slot that a relocation fills with code of this file
  B  three or more local functions are reachable from a resolver, itself among them
  C  more than one is, and there is a store through a computed pointer
  D  __tls_get_addr is imported, with neither a PT_TLS segment nor a relocation for thread-local storage
A, or B with C of one resolver: "confirmed". D alone: "suspected". Else "clean".

Four controls are honest code for which B and C hold to the letter, because feature detection of gcc's library or of
<cpuid.h> is called and not inlined: it stores into its caller's frame and into its own table, through pointers that were
handed to it. They are clean all the same; their rules say what a literal reading finds.

Most shapes come twice. "full-" has the whole structure of the real case (all four rules). "lean-" has rule A and, but
where said, nothing else: two functions, no store, no import; a detector that misses the slot says "clean"."""
import dataclasses

RELATIVE, GLOB_DAT, JUMP_SLOT, ABSOLUTE = (
    "R_X86_64_RELATIVE", "R_X86_64_GLOB_DAT", "R_X86_64_JUMP_SLOT", "R_X86_64_64")
RELR = "DT_RELR"


@dataclasses.dataclass(frozen=True)
class Variant:
    name: str
    exercises: str
    rules: str                     # letters of the rules that hold
    expected: str                  # "confirmed", "suspected" or "clean"
    units: tuple                   # (source, flags of its own...)
    resolvers: str = "ifunc"       # how they are named: "ifunc" symbols, "irelative" relocations, "both" or "none"
    slot: tuple = ()               # (how control goes through it, relocations that may fill it...)
    compiler: str = "gcc"
    optimise: str = "-O2"
    compile: tuple = ()
    link: tuple = ()
    linker: str = ""
    exports: tuple = ()            # names beside liblzma's
    sections: bool = True
    keep_symbols: bool = False
    mark: int = None               # e_ident[EI_OSABI], where it is not what the linker writes
    kind: str = "library"          # or "executable"
    architecture: str = "x86_64"
    loose: bool = False            # the compiler and its library decide whether the rules hold
    trap: bool = False             # would look tampered with to a walk that believes every call returns

    @property
    def file(self):
        return self.name + (".so" if self.kind == "library" else "")


# With CALLING the library uses its own IFUNCs through the PLT, as liblzma does. Not where a resolver needs another entry of
# the PLT: when all is bound at once, the resolver may run before the loader has filled that entry.
BASE = (("crc.c",), ("api.c",), ("api_own.c",))
CALLING = (("crc.c",), ("api.c",), ("api_own.c", "-DINTERNAL_CALLS"))
FULL = (("resolve_chain.c",), ("chain.c",), ("leaf.c",))
IMPORT = (("tls_import.S",),)
CHOOSE = (("choose.c",),)
NO_RELAX = "-Wa,-mrelax-relocations=no"
LEAN_EXPORTS = ("standin_choose32", "standin_choose64")
LEAF_EXPORTS = ("standin_leaf",)


def _forms():
    """Exact machine forms, from slot.S."""
    own, got, also = "-DWORD_OWN", "", "-DALSO_GOT"
    rows = [
        # name, form, flag, how, relocation, exported, link, what
        ("call-memory", "CALL_MEMORY", got, "memory", RELATIVE, 0, (), "call through a GOT entry"),
        ("call-own-word", "CALL_MEMORY", own, "memory", RELATIVE, 0, (), "call through a word of the library's own"),
        ("jump-memory", "JUMP_MEMORY", got, "memory", RELATIVE, 0, (), "jump through a GOT entry"),
        ("bnd-jump-memory", "BND_JUMP_MEMORY", got, "memory", RELATIVE, 0, (), "jump with a bnd prefix"),
        ("register", "REGISTER", own, "register", RELATIVE, 0, (), "slot loaded into a register, call"),
        ("register-got", "REGISTER", got, "register", RELATIVE, 0, (), "GOT entry loaded into a register, call"),
        ("register-jump", "REGISTER_JUMP", own, "register", RELATIVE, 0, (), "slot loaded into a register, jump"),
        ("register-copied", "REGISTER_COPIED", own, "register", RELATIVE, 0, (), "slot handed from register to register"),
        ("register-kept", "REGISTER_KEPT", own, "register", RELATIVE, 0, (), "slot in a preserved register across a call"),
        ("address", "ADDRESS", own, "memory", RELATIVE, 0, (), "the slot's address in a register, call through it"),
        ("address-loaded", "ADDRESS_LOADED", own, "register", RELATIVE, 0, (), "the slot's address, then its content"),
        ("frame", "FRAME", own, "memory", RELATIVE, 0, (), "slot spilled into the frame, call from there"),
        ("plt", "PLT", got, "plt", JUMP_SLOT, 1, (), "call of a PLT stub whose slot is a local function's"),
        ("plt-jump", "PLT_JUMP", got, "plt", JUMP_SLOT, 1, (), "jump to such a PLT stub"),
        ("plt-ibt", "PLT", got, "plt", JUMP_SLOT, 1, ("-Wl,-z,ibtplt",), "PLT stub with endbr64, in .plt.sec"),
        ("plt-got", "PLT", also, "plt", GLOB_DAT, 1, ("-Wl,-z,now",), "PLT stub without lazy binding, in .plt.got"),
        ("glob-dat", "CALL_MEMORY", got, "memory", GLOB_DAT, 1, (), "slot by GLOB_DAT to an exported function"),
        ("glob-dat-register", "REGISTER", got, "register", GLOB_DAT, 1, (), "the same through a register"),
        ("absolute", "CALL_MEMORY", own, "memory", ABSOLUTE, 1, (), "slot by R_X86_64_64 to an exported function"),
        ("relr", "CALL_MEMORY", got, "memory", RELR, 0, ("-Wl,-z,pack-relative-relocs",), "slot by a packed relocation"),
    ]
    for name, form, flag, how, relocation, exported, link, what in rows:
        slot = ("slot.S", "-DFORM_" + form, NO_RELAX) + ((flag,) if flag else ())
        base = BASE if how == "plt" else CALLING
        yield Variant("full-" + name, what, "ABCD", "confirmed", base + FULL + IMPORT + (slot,), slot=(how, relocation),
                      link=link, exports=LEAF_EXPORTS if exported else ())
        kept = form == "REGISTER_KEPT"
        yield Variant("lean-" + name, what + (", three functions" if kept else ""), "AB" if kept else "A", "confirmed",
                      base + CHOOSE + (slot + ("-DLEAN",),), slot=(how, relocation), link=link,
                      exports=LEAN_EXPORTS if exported else ())


def _shapes(name, what, unit_flags=("-fno-plt", NO_RELAX), slot=("", RELATIVE), full_rules="ABCD", resolver=(), **how):
    """A full and a lean one in C, where the compiler chooses the instructions of the slot call."""
    yield Variant("full-" + name, what, full_rules, "confirmed",
                  CALLING + (("resolve_chain.c",) + resolver, ("chain.c",), ("leaf.c",), ("relay.c",) + unit_flags) + IMPORT,
                  slot=slot, **how)
    yield Variant("lean-" + name, what, "A", "confirmed",
                  CALLING + CHOOSE + (("resolve_slot.c",) + unit_flags + resolver,), slot=slot, **how)


def _compiled():
    for cc, tag in (("gcc", "gcc"), ("clang-16", "clang")):
        for level in ("-O0", "-O1", "-O2", "-O3", "-Os"):
            yield from _shapes("%s%s" % (tag, level), "%s %s, GOT entry" % (tag, level), compiler=cc, optimise=level)
        for level in ("-O0", "-O2"):
            yield from _shapes("table-%s%s" % (tag, level), "%s %s, a constant table of pointers" % (tag, level),
                               unit_flags=("-DSLOT_TABLE",), compiler=cc, optimise=level)
    yield from _shapes("clang-lld", "clang and lld: another layout of segments and GOT", compiler="clang-16", linker="lld")
    yield from _shapes("jump-gcc-O2", "gcc makes the last call a jump", unit_flags=("-fno-plt", NO_RELAX, "-DSLOT_JUMP"))
    yield from _shapes("irelative", "no exported IFUNC: only IRELATIVE relocations name the resolvers",
                       resolver=("-DLOCAL_IFUNC",), resolvers="irelative")
    yield from _shapes("no-sections", "section headers cut off, symbols stripped", sections=False)
    yield from _shapes("no-sections-irelative", "the same, and only IRELATIVE relocations", resolver=("-DLOCAL_IFUNC",),
                       resolvers="irelative", sections=False)
    yield from _shapes("stack-protector", "-fstack-protector-all: resolvers end in a call that does not return",
                       compile=("-fstack-protector-all",))
    yield from _shapes("cet", "-fcf-protection=full: endbr64 everywhere, IBT PLT", compile=("-fcf-protection=full",),
                       link=("-Wl,-z,ibtplt",))
    yield from _shapes("bind-now", "full RELRO: no lazy binding", link=("-Wl,-z,now",))
    yield from _shapes("sysv-hash", "DT_HASH in place of DT_GNU_HASH", link=("-Wl,--hash-style=sysv",))
    yield from _shapes("no-mark", "EI_OSABI says System V, not GNU, though there are IFUNCs", mark=0)
    yield from _shapes("symbols-kept", "not stripped: local names and IFUNCs in .symtab too", keep_symbols=True)
    yield Variant("full-protected", "slot to an exported, protected function", "ABCD", "confirmed",
                  CALLING + FULL[:2] + (("leaf.c", "-DPROTECTED"), ("slot.S", "-DFORM_CALL_MEMORY", NO_RELAX)) + IMPORT,
                  slot=("memory", RELATIVE, GLOB_DAT), exports=LEAF_EXPORTS)


def _rules():
    """Rules alone and together."""
    yield Variant("rule-abc", "the whole structure without the import", "ABC", "confirmed",
                  CALLING + FULL + (("slot.S", "-DFORM_CALL_MEMORY", NO_RELAX),), slot=("memory", RELATIVE))
    yield Variant("rule-bc", "the whole chain by direct calls, no slot", "BC", "confirmed",
                  CALLING + FULL + (("relay.c", "-DDIRECT"),))
    yield Variant("rule-bc-no-sections", "the same without section headers", "BC", "confirmed",
                  CALLING + FULL + (("relay.c", "-DDIRECT"),), sections=False)
    yield Variant("rule-bc-least", "exactly three functions and one computed store", "BC", "confirmed",
                  CALLING + (("resolve_honest.c", "-DBY_THREE_THAT_STORE"),))
    plain = BASE + (("plain.c",),)
    for way, flags in (("got", ()), ("plt", ("-DVIA_PLT",)), ("pltoff", ("-DVIA_PLTOFF",))):
        yield Variant("rule-d-" + way, "imports __tls_get_addr (%s), no IFUNC at all" % way, "D", "suspected",
                      plain + (("tls_import.S",) + flags,), resolvers="none")
    yield Variant("rule-d-ifunc", "imports __tls_get_addr, honest IFUNCs", "D", "suspected",
                  CALLING + IMPORT + (("resolve_honest.c", "-DBY_CPUID"),))
    yield Variant("rule-d-no-sections", "imports __tls_get_addr, no section headers", "D", "suspected",
                  plain + IMPORT, resolvers="none", sections=False)
    yield Variant("rule-bd", "the import, and three functions without a store", "BD", "suspected",
                  CALLING + IMPORT + (("resolve_honest.c", "-DBY_THREE"),))


def _clean():
    def honest(name, what, *flags, rules="", units=(), base=CALLING, **how):
        return Variant("clean-" + name, what, rules, "clean", base + (("resolve_honest.c",) + flags,) + tuple(units), **how)

    plain = BASE + (("plain.c",),)
    yield honest("cpuid", "resolvers with cpuid in line", "-DBY_CPUID")
    yield honest("cpuid-clang", "the same by clang", "-DBY_CPUID", compiler="clang-16")
    yield honest("cpuid-O0", "the same not optimised", "-DBY_CPUID", optimise="-O0")
    yield honest("cpuid-cet", "the same with endbr64", "-DBY_CPUID", compile=("-fcf-protection=full",))
    yield honest("cpuid-no-sections", "the same without section headers", "-DBY_CPUID", sections=False)
    yield honest("get-cpuid", "resolvers with the compiler's <cpuid.h>", "-DBY_GET_CPUID")
    yield honest("cpu-supports", "__builtin_cpu_init: libgcc's detection, several functions that fill tables",
                 "-DBY_CPU_SUPPORTS", rules="BC", loose=True)
    yield honest("get-cpuid-clang", "<cpuid.h> by a clang that inlines nothing into static resolvers", "-DBY_GET_CPUID",
                 "-DSTATIC_RESOLVERS", compiler="clang-16", rules="BC", loose=True)
    yield honest("get-cpuid-O0", "<cpuid.h> not optimised", "-DBY_GET_CPUID", optimise="-O0", rules="BC", loose=True)
    yield honest("helper", "one helper function", "-DBY_HELPER")
    yield honest("helper-stores", "one helper with a computed store: C without B", "-DBY_HELPER_THAT_STORES", rules="C")
    yield honest("three", "three functions and no store: B without C", "-DBY_THREE", rules="B")
    yield honest("import-slot", "calls another library's function through the GOT", "-DBY_IMPORT", "-fno-plt", NO_RELAX)
    yield honest("import-plt", "calls another library's function through the PLT", "-DBY_IMPORT", base=BASE)
    yield honest("switch", "a jump table", "-DBY_SWITCH", "-fjump-tables")
    yield honest("slot-returned", "gives back the content of a slot and never calls it", "-DBY_CPUID", "-DRETURNS_SLOT",
                 "-fno-plt", NO_RELAX)
    yield honest("irelative", "local IFUNCs", "-DBY_CPUID", "-DLOCAL_IFUNC", resolvers="irelative")
    yield honest("many", "forty IFUNCs more", "-DBY_CPUID", units=(("resolve_many.c",),),
                 exports=tuple("standin_many_%d" % n for n in range(10, 50)))
    yield honest("chain-apart", "the whole chain and its slot, reached from no resolver", "-DBY_CPUID",
                 units=(("chain.c",), ("leaf.c",), ("slot.S", "-DFORM_CALL_MEMORY", NO_RELAX), ("apart.c",)),
                 exports=("standin_feature_bits",))
    yield Variant("clean-clones", "target_clones: resolvers by the compiler, libgcc's detection", "BC", "clean",
                  BASE + (("resolve_clones.c",),), loose=True)
    trap = ("-fno-toplevel-reorder", "-fno-reorder-functions", "-fno-reorder-blocks-and-partition")
    behind = ("standin_before", "standin_behind")
    for name, flags, what in (
            ("stack-protector", ("-fstack-protector-all",), "__stack_chk_fail by the PLT"),
            ("stack-protector-got", ("-fstack-protector-all", "-fno-plt", NO_RELAX), "__stack_chk_fail by the GOT"),
            ("abort", ("-DSTOP_BY_ABORT",), "abort by the PLT"),
            ("abort-got", ("-DSTOP_BY_ABORT", "-fno-plt", NO_RELAX), "abort by the GOT")):
        yield Variant("clean-" + name, what + " does not return; behind it lies code with a slot call", "", "clean",
                      BASE + CHOOSE + (("resolve_trap.c",) + trap + flags,), exports=behind, trap=True)
    yield Variant("clean-no-ifunc", "no IFUNC", "", "clean", plain, resolvers="none")
    yield Variant("clean-tls", "thread-local storage of its own: PT_TLS and DTPMOD64", "", "clean",
                  plain + (("tls_use.c",),), resolvers="none", exports=("standin_count", "standin_thread_count"))
    yield Variant("clean-tls-extern", "another library's thread-local variable: DTPMOD64 and no PT_TLS", "", "clean",
                  plain + (("tls_use.c", "-DWEAK_EXTERN"),), resolvers="none", exports=("standin_count",))
    yield Variant("clean-tls-descriptors", "thread-local storage by TLSDESC", "", "clean",
                  plain + (("tls_use.c", "-mtls-dialect=gnu2"),), resolvers="none",
                  exports=("standin_count", "standin_thread_count"))
    main = (("crc.c",), ("resolve_honest.c", "-DBY_CPUID"))
    yield Variant("clean-static-pie", "a static-pie executable: libc's own IRELATIVE resolvers", "", "clean",
                  main + (("main.c",),), resolvers="irelative", link=("-static-pie",), kind="executable")
    yield Variant("clean-tls-relaxed", "an executable whose TLS code the linker relaxed", "", "clean",
                  main + (("main.c", "-DTLS"),), resolvers="irelative", link=("-pie",), kind="executable")
    arm = dict(resolvers="none", compiler="clang-16", linker="lld", architecture="aarch64")
    yield Variant("clean-aarch64", "the plain library for aarch64", "", "clean", plain, **arm)
    yield Variant("clean-aarch64-chain", "the chain and its slot for aarch64, no IFUNC", "", "clean",
                  plain + (("chain.c",), ("leaf.c",), ("relay.c", "-fno-plt"), ("apart.c",)),
                  exports=("standin_feature_bits",), **arm)


VARIANTS = {v.name: v for v in (*_forms(), *_compiled(), *_rules(), *_clean())}
