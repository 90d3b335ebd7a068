"""Seeds for the text databases: dpkg status, apk installed, pacman desc. Named after the attack."""
import apk_db
import dpkg_db
import model
import pacman_db
from model import Package


def tool(name="tool", **more):
    return Package(name, "1.2", "3", files=model.ordinary_files(name), **more)


def dpkg_status():
    good = dpkg_db.stanza(tool(source="suite", source_version="1:2-3"))
    head = b"Package: a\nStatus: install ok installed\nArchitecture: all\nVersion: 1\n"
    return {
        "valid-two-packages": dpkg_db.status([tool(), tool("other")]),
        "valid-source-version": good.encode(),
        "valid-multiarch": dpkg_db.stanza(tool(), more="Multi-Arch: same").encode(),
        "valid-config-files": dpkg_db.stanza(tool(), "deinstall ok config-files").encode(),
        "valid-status-d": dpkg_db.stanza(tool(), status=None).encode(),
        "empty": b"",
        "empty-lines-only": b"\n" * 4096,
        "no-final-newline": good.rstrip("\n").encode(),
        "cut-in-field-name": good[:40].encode(),
        "carriage-returns": good.replace("\n", "\r\n").encode(),
        "continuation-first": b" folded\n" + head,
        "continuation-of-nothing": head + b"\n folded\n\tmore\n",
        "field-without-colon": head + b"Nocolon\n",
        "field-without-name": head + b": value\n",
        "field-name-only": b"Package:\nStatus:\nVersion:\nArchitecture:\n",
        "field-twice": head + b"Version: 2\nPackage: b\n",
        "package-twice": head + b"\n" + head,
        "no-package": head.replace(b"Package: a\n", b""),
        "no-version": head.replace(b"Version: 1\n", b""),
        "status-one-word": head.replace(b"install ok installed", b"installed"),
        "status-many-words": head.replace(b"install ok installed", b"install ok installed " * 99),
        "source-open-parenthesis": head + b"Source: b (1\n",
        "source-empty-parentheses": head + b"Source: b ()\n",
        "source-parentheses-only": head + b"Source: (1)\n",
        "source-empty": head + b"Source:\n",
        "name-with-slashes": head.replace(b"Package: a", b"Package: ../../../etc/passwd"),
        "name-with-escape-codes": head.replace(b"Package: a", b"Package: \x1b[2J\x1b]0;x\x07a"),
        "name-with-nul": head.replace(b"Package: a", b"Package: a\0b"),
        "name-not-utf8": head.replace(b"Package: a", b"Package: \xff\xfe\x80"),
        "name-of-64k": head.replace(b"Package: a", b"Package: " + b"a" * 65536),
        "line-of-256k": head + b"X: " + b"y" * 262144 + b"\n",
        "folds-without-end": head + b"Description: d\n" + b" x\n" * 20000,
        "fields-without-end": head + b"".join(b"F%d: v\n" % number for number in range(5000)),
        "stanzas-without-end": (b"Package: a\n\n" * 5000),
        "conffiles-without-digest": head + b"Conffiles:\n /etc/a\n /etc/b \n \n /etc/c x y z w\n",
        "conffiles-bad-digest": head + b"Conffiles:\n /etc/a newconffile\n /etc/b 12\n",
        "conffiles-climbing": head + b"Conffiles:\n /../../etc/shadow " + b"0" * 32 + b"\n",
        "nul-bytes": b"\0" * 4096,
        "binary": bytes(range(256)) * 8,
    }


def apk_installed():
    good = apk_db.installed([tool(), tool("other", source="suite")])
    head = b"C:" + apk_db.checksum(b"a").encode() + b"\nP:a\nV:1-r0\nA:x86_64\no:a\n"
    sha = apk_db.checksum(b"x").encode()
    return {
        "valid-two-packages": good,
        "valid-sha256-flag": apk_db.installed([tool()], sha256=True),
        "valid-no-origin": apk_db.installed([tool(source="")]),
        "valid-root-directory": head + b"F:\nR:file\nZ:" + sha + b"\n\n",
        "valid-acl-with-xattr": head + b"F:x\nM:0:0:1777\nR:y\na:0:0:4755:%s\nZ:%s\n\n" % (sha, sha),
        "empty": b"",
        "empty-lines-only": b"\n" * 4096,
        "no-empty-line-at-end": good.rstrip(b"\n"),
        "cut-in-a-line": good[:-40],
        "carriage-returns": good.replace(b"\n", b"\r\n"),
        "line-without-colon": head + b"Fx\n\n",
        "line-of-one-letter": head + b"F\n\n",
        "colon-only": head + b":\n::\n\n",
        "unknown-field": head + b"Q:what\n\n",
        "file-before-directory": head + b"R:file\nZ:" + sha + b"\n\n",
        "checksum-before-file": head + b"F:x\nZ:" + sha + b"\n\n",
        "acl-before-file": head + b"F:x\na:0:0:755\n\n",
        "files-before-name": b"F:x\nR:y\nZ:" + sha + b"\nP:late\nV:1\n\n",
        "checksum-bad-base64": head + b"F:x\nR:y\nZ:Q1****************************\n\n",
        "checksum-too-short": head + b"F:x\nR:y\nZ:Q1AA==\n\n",
        "checksum-too-long": head + b"F:x\nR:y\nZ:Q1" + b"A" * 4096 + b"\n\n",
        "checksum-no-kind": head + b"F:x\nR:y\nZ:\n\n",
        "checksum-other-kind": head + b"F:x\nR:y\nZ:Q9" + sha[2:] + b"\n\n",
        "checksum-hex": head + b"F:x\nR:y\nZ:X1" + b"0123456789" * 4 + b"\n\n",
        "acl-not-octal": head + b"F:x\nR:y\na:0:0:999\n\n",
        "acl-overflow": head + b"F:x\nR:y\na:99999999999999999999:-1:77777777777777777777777\n\n",
        "acl-cut": head + b"F:x\nM:0\nR:y\na:0:\n\n",
        "climbing-directory": head + b"F:../../etc\nR:shadow\nZ:" + sha + b"\n\n",
        "absolute-directory": head + b"F:/etc\nR:/shadow\nZ:" + sha + b"\n\n",
        "name-with-slashes-in-file": head + b"F:x\nR:../../y\nZ:" + sha + b"\n\n",
        "name-with-escape-codes": head.replace(b"P:a", b"P:\x1b[31ma\x07") + b"\n",
        "name-with-nul": head.replace(b"P:a", b"P:a\0b") + b"\n",
        "name-not-utf8": head.replace(b"P:a", b"P:\xff\xfe") + b"\n",
        "no-name": head.replace(b"P:a\n", b"") + b"\n",
        "no-version": head.replace(b"V:1-r0\n", b"") + b"\n",
        "name-twice": head + b"P:b\nV:2\n\n",
        "package-twice": head + b"\n" + head + b"\n",
        "directory-of-64k": head + b"F:" + b"d/" * 32768 + b"\nR:y\n\n",
        "directories-times-files": head + b"".join(
            b"F:%s\nR:y\n" % (b"d" * 200 + b"%d" % number) for number in range(500)) + b"\n",
        "files-without-end": head + b"F:x\n" + b"R:y\n" * 20000 + b"\n",
        "packages-without-end": b"P:a\nV:1\n\n" * 5000,
        "nul-bytes": b"\0" * 4096,
        "binary": bytes(range(256)) * 8,
    }


def pacman_desc():
    good = pacman_db.desc(tool(source="suite"))
    head = b"%NAME%\na\n\n%VERSION%\n1-1\n\n"
    return {
        "valid": good,
        "valid-epoch": pacman_db.desc(tool(epoch=2)),
        "valid-no-base": pacman_db.desc(tool(source="")),
        "valid-files": pacman_db.files(tool()),
        "valid-xdata": head + b"%XDATA%\npkgtype=pkg\n\n",
        "empty": b"",
        "empty-lines-only": b"\n" * 4096,
        "no-final-newline": good.rstrip(b"\n"),
        "cut-in-section-name": good[:-3] + b"%DEPE",
        "section-never-closed": head + b"%BASE\nb\n\n",
        "section-of-percent-signs": head + b"%%\n%\n%%%\n\n",
        "section-without-value": b"%NAME%\n\n%VERSION%\n\n%BASE%\n",
        "section-at-the-end": head + b"%BASE%",
        "section-twice": head + b"%NAME%\nb\n\n%VERSION%\n2-1\n\n",
        "section-after-section": b"%NAME%\n%VERSION%\n1-1\n\n",
        "section-unknown": head + b"%WHAT%\nx\n\n",
        "value-before-section": b"stray\n" + head,
        "values-without-end": head + b"%DEPENDS%\n" + b"d\n" * 20000,
        "many-names": b"%NAME%\na\nb\nc\n\n%VERSION%\n1-1\n\n",
        "carriage-returns": good.replace(b"\n", b"\r\n"),
        "no-name": head.replace(b"%NAME%\na\n\n", b""),
        "no-version": head.replace(b"%VERSION%\n1-1\n\n", b""),
        "name-with-slashes": head.replace(b"\na\n", b"\n../../etc/passwd\n"),
        "name-with-escape-codes": head.replace(b"\na\n", b"\n\x1b[31ma\x07\n"),
        "name-with-nul": head.replace(b"\na\n", b"\na\0b\n"),
        "name-not-utf8": head.replace(b"\na\n", b"\n\xff\xfe\n"),
        "name-of-64k": head.replace(b"\na\n", b"\n" + b"a" * 65536 + b"\n"),
        "epoch-overflow": head.replace(b"1-1", b"99999999999999999999:1-1"),
        "files-climbing": b"%FILES%\n../../etc/shadow\n/etc/x\n//\n\n"
                          b"%BACKUP%\n../x\t0\netc/y\n\t\n\n",
        "backup-without-digest": b"%BACKUP%\netc/x\netc/y\t\netc/z\tzz\n\n",
        "nul-bytes": b"\0" * 4096,
        "binary": bytes(range(256)) * 8,
    }
