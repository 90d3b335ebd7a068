#!/usr/bin/python3
"""careen's merged file tree equals what `umoci unpack` puts on disk: paths, types, modes,
owners (as root), link targets and SHA-256, for images with whiteouts of every kind."""

import hashlib
import os
import pathlib
import re
import stat
import tarfile
import unittest

import debian
import images
from images import Layer, char, d, f, fifo, hard, opaque, sym, whiteout
from support import Case, careen_path, is_root, main, need, tool


def setUpModule():
    careen_path()
    need("umoci")


KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "dir", stat.S_IFLNK: "symlink",
         stat.S_IFCHR: "char", stat.S_IFBLK: "block", stat.S_IFIFO: "fifo"}


def as_json_string(name):
    """A path as careen prints it: bytes that are not UTF-8, and control characters, as \\xNN."""
    text = name.decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f]", lambda m: f"\\x{ord(m[0]):02x}", text)


def raw_order(path):
    """The bytes that a printed path stands for: what careen sorts by."""
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), path.encode())


def on_disk(root):
    """{path: row} of an unpacked root file system, read without following links."""
    root = os.fsencode(root)
    rows = {}
    for base, dirs, names in os.walk(root):
        for name in dirs + names:
            path = os.path.join(base, name)
            st = os.lstat(path)
            kind = KINDS[stat.S_IFMT(st.st_mode)]
            row = {"type": kind, "uid": st.st_uid, "gid": st.st_gid}
            if kind != "symlink":
                row["mode"] = f"{stat.S_IMODE(st.st_mode):04o}"
            if kind == "symlink":
                row["target"] = as_json_string(os.readlink(path))
            if kind == "file":
                row["size"] = st.st_size
                if not st.st_mode & stat.S_IRUSR:
                    os.chmod(path, st.st_mode | stat.S_IRUSR)
                with open(path, "rb") as file:
                    row["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
            rows[as_json_string(path[len(root):])] = row
    return rows


class Oracle(Case):
    def assert_as_umoci(self, where, tag, implied=(), twin=None):
        """`implied` directories have no entry of their own: any mode and owner will do.
        `twin` is the tag of an image with the same content in a form that umoci can read."""
        bundle = self.tmp / f"bundle-{tag}"
        rootless = [] if is_root() else ["--rootless"]
        tool("umoci", "unpack", *rootless, "--image", f"{where}:{twin or tag}", bundle)
        want = on_disk(bundle / "rootfs")
        run = self.careen.run("files", f"oci-dir:{where}:{tag}", "--format", "json")
        self.assertEqual(run.code, 0, str(run))
        listed = run.json()["files"]
        paths = [row["path"] for row in listed]
        self.assertEqual(len(paths), len(set(paths)), "each path once")
        self.assertEqual(paths, sorted(paths, key=raw_order), "sorted by path")
        got = {}
        for row in listed:
            keep = ["type"] + (["uid", "gid"] if is_root() else [])
            keep += {"symlink": ["target"], "file": ["mode", "size", "sha256"]}.get(row["type"], ["mode"])
            got[row["path"]] = {k: row[k] for k in keep}
        if not is_root():
            for row in want.values():
                del row["uid"], row["gid"]
        for path in implied:
            for side in (got, want):
                for field in ("mode", "uid", "gid"):
                    side.get(path, {}).pop(field, None)
        self.assertEqual(sorted(set(want) - set(got)), [], "on disk, not in careen's tree")
        self.assertEqual(sorted(set(got) - set(want)), [], "in careen's tree, not on disk")
        different = {p: {"careen": got[p], "umoci": want[p]} for p in want if got[p] != want[p]}
        self.assertEqual(different, {})
        self.assertGreater(len(want), 3)
        return run.json(), want

    def hand_made(self, tag, layers, **kw):
        layout = images.OciLayout(self.tmp / "layout")
        layout.add(tag, layers)
        return self.assert_as_umoci(layout.path, tag, **kw)

    # --- hand-made layers ---

    def test_whiteouts(self):
        doc, tree = self.hand_made("whiteouts", [
            Layer([d("a"), f("a/keep", "1"), f("a/gone", "2"), d("a/sub"), f("a/sub/x", "3"),
                   d("b"), f("b/old", "4"), d("b/deep"), f("b/deep/old", "5"), d("c"), f("c/f", "6"),
                   f("top", "7"), sym("link", "a"), sym("dead", "nowhere")]),
            Layer([d("a"), whiteout("a/gone"), whiteout("a/sub"), d("b"), opaque("b"), f("b/new", "8"),
                   whiteout("top"), whiteout("link"), whiteout("never-there")]),
            Layer([d("a"), f("a/gone", "again"), d("a/sub"), f("a/sub/y", "9"), d("c"),
                   f("c/new-before-opaque", "10"), opaque("c"), f("c/new-after-opaque", "11")]),
        ])
        self.assertEqual(tree["/a/gone"]["size"], 5)
        self.assertNotIn("/a/sub/x", tree)
        self.assertNotIn("/c/f", tree)
        hidden = {row["path"] for row in doc["hidden"]}
        for path in ("/a/gone", "/a/sub/x", "/b/old", "/b/deep/old", "/c/f", "/top"):
            self.assertIn(path, hidden)

    def test_whiteout_of_a_whole_tree_and_back(self):
        self.hand_made("tree", [
            Layer([d("opt"), d("opt/app"), *[f(f"opt/app/f{i}", str(i)) for i in range(40)], f("one", "1")]),
            Layer([whiteout("opt")]),
            Layer([d("opt"), d("opt/app"), f("opt/app/f7", "seven again"), d("etc"), f("etc/x", "x"),
                   f("two", "2")]),
            Layer([d("etc"), opaque("etc")]),
        ])

    def test_types_change(self):
        self.hand_made("types", [
            Layer([f("file-to-dir", "f"), d("dir-to-file"), f("dir-to-file/x", "x"), d("dir-to-link"),
                   f("dir-to-link/y", "y"), sym("link-to-dir", "target"), d("target"), f("target/t", "t"),
                   f("file-to-link", "l"), sym("link-to-file", "target/t"), d("same", 0o700),
                   f("same/kept", "k"), fifo("fifo-to-file"), d("empty-to-file")]),
            Layer([d("file-to-dir"), f("file-to-dir/in", "in"), f("dir-to-file", "now a file"),
                   sym("dir-to-link", "target"), d("link-to-dir"), f("link-to-dir/n", "n"),
                   sym("file-to-link", "target/t"), f("link-to-file", "own content"), d("same", 0o1777),
                   f("fifo-to-file", "f"), f("empty-to-file", "e")]),
            Layer([d("dir-to-file"), f("dir-to-file/z", "z"), f("file-to-dir", "a file again")]),
        ])

    def test_links_in_directory_positions(self):
        """Merged /usr as package managers see it: later layers write through the links."""
        doc, tree = self.hand_made("linked", [
            Layer([d("usr"), d("usr/lib"), d("usr/bin"), f("usr/lib/a.so", "a"), sym("lib", "usr/lib"),
                   sym("bin", "usr/bin"), sym("abs", "/usr"), sym("up", "../../../usr/bin"),
                   d("deep"), d("deep/er"), sym("deep/er/back", "../../usr/lib")]),
            Layer([f("lib/through.so", "t"), f("abs/lib/abs.so", "abs"), f("up/prog", "p", 0o755),
                   f("deep/er/back/back.so", "b"), whiteout("lib/a.so")]),
            Layer([f("usr/lib/a.so", "new a"), whiteout("abs/lib/abs.so"), hard("bin/prog2", "up/prog")]),
        ])
        self.assertIn("/usr/lib/through.so", tree)
        self.assertNotIn("/lib/through.so", {row["path"] for row in doc["files"]})

    def test_hard_links(self):
        self.hand_made("hard", [
            Layer([d("bin"), f("bin/one", "content of one", 0o4755), hard("bin/two", "bin/one"),
                   hard("bin/three", "./bin/two"), f("bin/other", "other"), sym("s", "bin/one"),
                   hard("hs", "s")]),
            Layer([d("bin"), whiteout("bin/one"), f("bin/other", "changed"), hard("bin/four", "bin/two")]),
            Layer([d("bin"), f("bin/two", "replaced"), hard("five", "bin/three"), hard("six", "/bin/two")]),
        ])

    def test_modes_and_names(self):
        long = "n" * 120
        path = "/".join(["long-directory-name-number-%02d" % i for i in range(12)])
        parents = [path.rsplit("/", i)[0] for i in range(11, 0, -1)] + [path]
        entries = [d("m"), f("m/suid", "s", 0o4755), f("m/sgid", "g", 0o2755), d("m/sticky", 0o1777),
                   d("m/sgid-dir", 0o2775), f("m/none", "", 0o000), f("m/all", "", 0o7777),
                   f("m/empty"), f("m/" + long, "long name"), *[d(p) for p in parents],
                   f(path + "/" + long, "long path"), sym("m/long-link", "x" * 180),
                   hard("m/long-hard", path + "/" + long), f("m/spaces and 'quotes\"", "q"),
                   f("m/ünïcödé-名", "u"), f("m/new\nline", "n"), f("m/tab\tand\x1b[31m", "esc"),
                   f("m/back\\slash", "b"), f("m/-dash", "d"), fifo("m/fifo")]
        if is_root():
            entries += [f("m/owned", "o", uid=1234, gid=4321), f("m/far", "o", uid=3000000, gid=3000000),
                        char("m/null", 1, 3),
                        images.entry("m/loop", tarfile.BLKTYPE, 0o660, devmajor=7, devminor=0)]
        for form in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT):
            with self.subTest(form=form):
                self.hand_made(f"modes-{form}", [Layer(entries, form=form)])

    def test_names_that_are_not_utf8(self):
        layer = Layer([d("x"), f("x/ok", "1")])
        with tarfile.open(self.tmp / "raw.tar", "w", format=tarfile.GNU_FORMAT,
                          encoding="utf-8", errors="surrogateescape") as tar:
            for name in ("y", "y/lat\udce9in", "y/\udcff\udcfe"):
                info = tarfile.TarInfo(name)
                info.type = tarfile.DIRTYPE if name == "y" else tarfile.REGTYPE
                info.mode = 0o755 if name == "y" else 0o644
                tar.addfile(info)
            link = tarfile.TarInfo("y/link")
            link.type, link.linkname = tarfile.SYMTYPE, "lat\udce9in"
            tar.addfile(link)
        self.hand_made("bytes", [layer, Layer(self.tmp / "raw.tar"), Layer([d("z"), f("z/a", "a")])])

    def test_duplicates_and_missing_parents(self):
        self.hand_made("dups", [
            Layer([f("d/twice", "first", 0o600), f("d/twice", "second", 0o644), d("e"), f("e/x", "x"),
                   f("./dot/slash", "s"), f("deep/est/path/file", "p"), d("g"), f("g/x", "1"), d("g", 0o700)]),
            Layer([f("d/other", "o"), whiteout("deep/est/path"), f("e//double", "d")]),
        ], implied=["/d", "/dot", "/deep", "/deep/est", "/deep/est/path"])

    def test_sparse_files(self):
        need("tar")
        work = self.tmp / "sparse"
        work.mkdir()
        for name, holes in (("middle", [(0, b"start"), (1 << 20, b"end")]), ("tail", [(0, b"x" * 5000)]),
                            ("many", [(i * 65536, b"%d" % i) for i in range(40)])):
            with open(work / name, "wb") as file:
                for offset, data in holes:
                    file.seek(offset)
                    file.write(data)
                file.truncate((4 << 20) + 17)
        (work / "plain").write_text("after the sparse ones\n")
        layout = images.OciLayout(self.tmp / "layout")

        def add(tag, *flags):
            path = self.tmp / f"{tag}.tar"
            tool("tar", *flags, "--owner=0", "--group=0", "-cf", path, "-C", work.parent, "sparse")
            layout.add(tag, [Layer(path), Layer([d("z"), f("z/1", "1")])])
            return path.stat().st_size

        self.assertGreater(add("plain", "--format=gnu"), 12 << 20)
        for i, form in enumerate((["--format=gnu"], ["--format=pax", "--sparse-version=0.0"],
                                  ["--format=pax", "--sparse-version=0.1"],
                                  ["--format=pax", "--sparse-version=1.0"])):
            with self.subTest(form):
                self.assertLess(add(f"sparse{i}", "--sparse", "--hole-detection=raw", *form), 1 << 20)
                # umoci does not know the old GNU form: its twin has the same content without holes
                self.assert_as_umoci(layout.path, f"sparse{i}", twin="plain" if i == 0 else None)

    def test_tar_formats(self):
        need("tar")
        work = self.tmp / "work"
        (work / "dir").mkdir(parents=True)
        (work / "dir" / "file").write_text("content\n")
        (work / "dir" / ("w" * 98)).write_text("name of 98\n")
        os.symlink("file", work / "dir" / "link")
        os.link(work / "dir" / "file", work / "dir" / "hard")
        layout = images.OciLayout(self.tmp / "layout")
        for form in ("v7", "ustar", "gnu", "pax"):
            with self.subTest(form):
                path = self.tmp / f"{form}.tar"
                names = ["."] if form != "v7" else ["dir/file", "dir/hard", "dir/link"]
                tool("tar", f"--format={form}", "--owner=0", "--group=0", "--sort=name", "-cf", path,
                     "-C", work, *names)
                layout.add(form, [Layer([d("dir"), f("dir/lower", "l"), f("dir/file", "lower")]), Layer(path),
                                  Layer([d("etc"), f("etc/a", "a")])])
                self.assert_as_umoci(layout.path, form)

    # --- images that tools made ---

    def test_built_by_umoci(self):
        layout = self.tmp / "umoci"
        rootless = [] if is_root() else ["--rootless"]
        tool("umoci", "init", "--layout", layout)
        tool("umoci", "new", "--image", f"{layout}:img")

        def change(step, edit):
            bundle = self.tmp / f"b{step}"
            tool("umoci", "unpack", *rootless, "--image", f"{layout}:img", bundle)
            edit(bundle / "rootfs")
            tool("umoci", "repack", "--image", f"{layout}:img", bundle)

        def first(root):
            for name in ("usr/bin", "usr/lib/deep/er", "etc", "var/log"):
                (root / name).mkdir(parents=True)
            (root / "usr/bin/prog").write_text("prog\n")
            (root / "usr/bin/prog").chmod(0o4755)
            os.link(root / "usr/bin/prog", root / "usr/bin/prog.hard")
            os.symlink("usr/bin", root / "bin")
            for i in range(30):
                (root / f"usr/lib/deep/er/f{i}").write_text(str(i))
            (root / "etc/conf").write_text("a=1\n")
            with open(root / "var/log/sparse", "wb") as file:
                file.truncate(1 << 20)

        def second(root):
            for path in sorted((root / "usr/lib/deep").rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            (root / "usr/lib/deep").rmdir()
            (root / "etc/conf").write_text("a=2\n")
            (root / "usr/bin/prog.hard").unlink()
            (root / "bin").unlink()
            (root / "bin").mkdir()
            (root / "bin/sh").write_text("sh\n")

        def third(root):
            (root / "usr/lib/deep").mkdir()
            (root / "usr/lib/deep/er").write_text("a file now\n")
            (root / "etc/conf").unlink()
            os.symlink("/dev/null", root / "etc/conf")
            (root / "var/log").chmod(0o2775)

        for step, edit in enumerate((first, second, third)):
            change(step, edit)
        self.assert_as_umoci(layout, "img")

    def test_built_by_buildah(self):
        need("buildah")
        if not is_root():
            self.skipTest("buildah mount needs root")
        store = ["--storage-driver", "vfs", "--root", str(self.tmp / "store"),
                 "--runroot", str(self.tmp / "runroot")]

        def layer(base, edit):
            box = tool("buildah", *store, "from", "--pull-never", base).decode().strip()
            edit(pathlib.Path(tool("buildah", *store, "mount", box).decode().strip()))
            tool("buildah", *store, "umount", box)
            return tool("buildah", *store, "commit", "-q", "--rm", box).decode().strip()

        def first(root):
            (root / "srv/data").mkdir(parents=True)
            (root / "srv/data/a").write_text("a")
            (root / "srv/data/b").write_text("b")
            (root / "tmp").mkdir()
            (root / "tmp").chmod(0o1777)
            os.mknod(root / "srv/zero", 0o600 | stat.S_IFCHR, os.makedev(1, 5))
            os.mkfifo(root / "srv/pipe")
            os.chown(root / "srv/data/a", 33, 33)

        def second(root):
            (root / "srv/data/a").unlink()
            (root / "srv/data/c").write_text("c")
            os.link(root / "srv/data/b", root / "srv/data/b2")

        def third(root):
            for name in ("b", "b2", "c"):
                (root / "srv/data" / name).unlink()
            (root / "srv/data").rmdir()
            (root / "srv/data").write_text("file\n")
            (root / "srv/zero").unlink()

        try:
            image = layer(layer(layer("scratch", first), second), third)
            target = self.tmp / "built"
            tool("buildah", *store, "push", "-q", image, f"oci:{target}:img")
        except RuntimeError as error:
            self.skipTest(f"buildah cannot work here: {str(error)[-300:]}")
        self.assert_as_umoci(target, "img")

    def test_debian(self):
        root = debian.rootfs("bookworm")
        layout = images.OciLayout(self.tmp / "layout")
        layout.add("img", [Layer(root), Layer([
            d("usr"), d("usr/share"), whiteout("usr/share/doc"), d("usr/share/man"), opaque("usr/share/man"),
            f("usr/share/man/kept", "k"), f("lib/from-link", "through the merged usr\n"),
            f("etc/hostname", "careen\n"), whiteout("etc/motd")])], compression="none")
        if not is_root():
            self.skipTest("a Debian root has devices and owners: needs root")
        _, tree = self.assert_as_umoci(layout.path, "img")
        self.assertGreater(len(tree), 3000)


if __name__ == "__main__":
    main()
