# What a hostile case is, and the list of them all. A module registers its cases with @case(...); the function builds the
# input in an empty folder and returns the image argument (or a list: image and more arguments).
import dataclasses
import importlib
import typing

MODULES = ["cases_names", "cases_tree", "cases_tar", "cases_cut", "cases_compress", "cases_digest", "cases_oci", "cases_json",
           "cases_archive", "cases_dir", "cases_file", "cases_elf", "cases_evasion", "cases_packages", "cases_rpm"]
SLOW_MODULES = ["cases_slow"]
VERDICTS = {0: "clean", 1: "flagged", 3: "undetermined"}
WORDS = {0: "clean", 1: "flagged", 2: "usage error", 3: "undetermined", 4: "not read"}

_cases: dict[str, list["Case"]] = {}


@dataclasses.dataclass
class Case:
    name: str
    attack: str                       # what is in the input
    exits: tuple[int, ...]            # exact; more than one only where two answers are equally honest
    why: str                          # why this outcome and no other
    build: typing.Callable
    finding: tuple = ()               # (kind, by or None): must be among the findings
    coverage: str = ""                # "Q" or "Q or R": what must be partly or not looked at, when the exit code is 3
    listed: tuple[str, ...] = ()      # paths that `careen files` must show
    unlisted: tuple[str, ...] = ()    # paths that it must not show
    hidden: tuple[str, ...] = ()      # paths that it must show as hidden
    says: tuple[str, ...] = ()        # texts that standard output or error must hold
    args: tuple[str, ...] = ()        # more arguments of careen
    terminal: bool = False            # the table is looked at too: no control characters
    memory: int = 256                 # MiB, the most that any one process may have held

    def outcome(self):
        """The expected outcome in words, as expected.md shows it."""
        text = " or ".join(f"{WORDS[x]} ({x})" for x in self.exits)
        if self.finding:
            text += f"; finding: {self.finding[0]}" + (f" by {self.finding[1]}" if self.finding[1] else "")
        if self.coverage:
            text += f"; coverage: {self.coverage}"
        if self.listed:
            text += "; examined: " + ", ".join(f"`{escape(x)}`" for x in self.listed)
        if self.unlisted:
            text += "; not there: " + ", ".join(f"`{escape(x)}`" for x in self.unlisted)
        if self.hidden:
            text += "; hidden: " + ", ".join(f"`{escape(x)}`" for x in self.hidden)
        return text


def escape(text):
    shown = "".join(c if c.isprintable() and c not in "|`" else f"\\x{ord(c):02x}" for c in text)
    return shown if len(shown) <= 60 else f"{shown[:40]}… ({len(shown)} characters)"


def escape_cell(text):
    """Text for a cell of a Markdown table."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text).replace("|", "\\|").replace("*", "\\*")


def case(name, attack, exit, why, **more):
    """Registers the decorated builder as a case of its module."""
    def register(build):
        module = build.__module__
        exits = exit if isinstance(exit, tuple) else (exit,)
        for field in ("listed", "unlisted", "hidden", "says", "args"):
            if isinstance(more.get(field), str):
                more[field] = (more[field],)
        _cases.setdefault(module, []).append(Case(name, attack, exits, why, build, **more))
        return build
    return register


def cases_of(module):
    importlib.import_module(module)
    return _cases[module]


def all_cases():
    """(module, cases) in the order of the lists above; names are unique."""
    groups = [(m, cases_of(m)) for m in MODULES + SLOW_MODULES]
    names = [c.name for _, cs in groups for c in cs]
    doubled = {n for n in names if names.count(n) > 1}
    if doubled:
        raise ValueError(f"case names used twice: {doubled}")
    return groups
