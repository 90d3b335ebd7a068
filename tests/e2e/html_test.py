#!/usr/bin/python3
"""The HTML report in a real browser: it is whole without a network, says what the JSON report says, runs nothing of an image, and
is read by people: folds, filter, contrast in light and dark, a narrow window, paper."""

import html.parser
import json
import unittest

import images
import samples
from advisory_case import PACKAGES, AdvisoryCase, open_vex
from advisory_images import Feeds, debian_files, epss, kev, layer, npm_files, osv, tracker
from browser import Browser, Page, dump_dom
from images import Layer, d, f
from support import CLEAN, FLAGGED, careen_path, main

CONTRAST = 4.5  # WCAG 2, level AA
TAGS = set("html head meta title style body main section h1 h2 p b div span a code label input table thead tbody tr th td details summary script".split())
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "class", "scope", "id", "data-for", "data-is", "placeholder", "href", "rel", "hidden", "open"}
TRICKS = r"[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"

# Every piece of text that is drawn: [where, what, worst contrast]; the background is blended of all that lie behind.
CONTRASTS = """(() => {
  const parts = c => { const m = c.match(/[\\d.]+/g).map(Number); return [m[0], m[1], m[2], m[3] ?? 1] };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3]));
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
  const behind = e => { const c = parts(getComputedStyle(e).backgroundColor); return c[3] == 1 ? c : over(c, e.parentElement ? behind(e.parentElement) : [255, 255, 255]) };
  const found = {}, see = (e, where, style, text) => {
    const back = behind(e), [a, b] = [light(over(parts(style.color), back)), light(back)].sort((x, y) => y - x), ratio = (a + .05) / (b + .05);
    if (!(where in found) || found[where][1] > ratio) found[where] = [text.trim().slice(0, 40), ratio] };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) { const e = n.parentElement;
    if (n.data.trim() && e.checkVisibility() && e.tagName != 'SCRIPT') see(e, (e.tagName + ' ' + e.className).trim().toLowerCase(), getComputedStyle(e), n.data) }
  for (const e of document.querySelectorAll('input')) if (e.checkVisibility()) see(e, 'placeholder', getComputedStyle(e, '::placeholder'), e.placeholder);
  return found })()"""
# What is wider than the window, and short words that are broken in two.
TOO_WIDE = """[...document.querySelectorAll('*')].filter(e => e.getClientRects().length && e.getBoundingClientRect().right > innerWidth + .5).map(e => e.outerHTML.slice(0, 200))"""
BROKEN = """(() => {
  const out = [], range = document.createRange(), walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let n; n = walk.nextNode();) if (n.parentElement.checkVisibility()) for (const token of n.data.matchAll(/\\S+/g)) if (token[0].length <= 16)
    for (const word of token[0].matchAll(/[\\p{L}\\p{N}_]+/gu)) {
      range.setStart(n, token.index + word.index), range.setEnd(n, token.index + word.index + word[0].length);
      if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1) out.push(word[0]) }
  return out })()"""
ROWS = "[...document.querySelectorAll('#f0 tbody tr')].filter(r => r.checkVisibility()).map(r => [...r.cells].map(c => c.innerText.trim()))"
TABLE = "[...[...document.querySelectorAll('h2')].find(h => h.textContent == '%s' && h.checkVisibility()).nextElementSibling.tBodies[0].rows].map(r => [...r.cells].map(c => c.innerText))"
OPEN_ALL = "document.querySelectorAll('details').forEach(d => { d.open = true })"
EVIDENCE = "[...document.querySelectorAll('details p')].map(p => p.checkVisibility())"
FOLD = "document.querySelector('details').open && document.querySelector('details p').checkVisibility()"


def setUpModule():
    global BROWSER
    careen_path()
    BROWSER = Browser()
    unittest.addModuleCleanup(BROWSER.close)


def payload(place, base):
    """Text that would run, fetch, lead astray or break out, were it taken for markup; `place` says where it was planted."""
    mark = f"window.careenMarker='{place}'"
    return (f"[{place}]</p></summary></details></td></table></title></style>\"'><script>{mark}</script><img src=\"{base}/{place}\" onerror=\"{mark}\">"
            f"<svg onload=\"{mark}\"></svg><a href=\"javascript:{mark}\">x</a><iframe srcdoc=\"<script>parent.careenMarker=1</script>\"></iframe>"
            f"<link rel=stylesheet href={base}/{place}.css><style>*{{background:url({base}/{place}.png)}}</style>&lt;b&gt;<!--\u202e\u2066\x1b[31m\x85")


class Markup(html.parser.HTMLParser):
    """The elements and attributes of a document."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))


class Html(AdvisoryCase):
    def page(self, path, **look):
        page = Page(BROWSER, **look)
        self.addCleanup(page.__exit__)
        return page.open(path)

    def write(self, name, image, *args, code=FLAGGED):
        """Scans once; the path of the HTML and the JSON document."""
        path, document = self.tmp / f"{name}.html", self.tmp / f"{name}.json"
        self.assert_code(self.careen.run("scan", image, "-o", f"html={path}", "-o", f"json={document}", *args), code)
        return path, json.loads(document.read_text())

    def full(self):
        """Findings of every severity and most kinds, one of them suppressed."""
        severities = {"one": "CRITICAL", "two": "HIGH", "three": "MODERATE", "four": "LOW", "five": None, "six": "LOW"}
        self.db("import", *(self.file(f"{name}.json", json.dumps(osv(f"GHSA-{n:04}-aaaa-bbbb", "npm", name, "1.1.0", severity, aliases=[f"CVE-2024-{n:04}"])))
                            for n, (name, severity) in enumerate(severities.items(), 1)),
                self.file("mal.json", json.dumps(osv("MAL-2024-1", "npm", "evil"))), self.file("kev", kev("CVE-2024-0003")),
                self.file("epss", epss({"CVE-2024-0002": (0.5, 0.9)})),
                self.file("tracker", tracker({"tool-src": {"CVE-2024-0100": {"bookworm": ("resolved", "1.0-2", "medium")}}})))
        app = {**npm_files(*((name, "1.0.0") for name in (*severities, "evil"))), "usr/lib/os-release": samples.OS_RELEASE + "# changed\n"}
        image = images.OciLayout(self.tmp / "full").add("v1", [samples.base(), samples.marked(), layer(app, 'RUN npm install "<left>" && echo done')],
                                                        Entrypoint=["/usr/bin/tool"])
        vex = self.file("vex.json", open_vex(("CVE-2024-0006", "not_affected", "pkg:npm/six@1.0.0")))
        return self.write("full", image, "--threats", samples.marker_threats(self.tmp), "--vex", vex)

    def hostile(self, base):
        """The payload wherever an image, a feed or a file of the user can put text."""
        def at(place):
            return payload(place, base)
        names = [at("npm-name"), "left"]
        self.db("import", self.file("tracker", tracker({"tool-src": {"CVE-2024-0100": {"bookworm": ("resolved", "1.0-2", "medium")}}})),
                self.file("a.json", json.dumps(osv("GHSA-0001-aaaa-bbbb", "npm", "left", "1.1.0", "HIGH", summary=at("summary"), details=at("details"),
                                                             aliases=["CVE-2024-0001", at("alias")], references=[{"type": "ADVISORY", "url": ("javascript:" + at("url"))[:499]}]))),
                self.file("b.json", json.dumps(osv("GHSA-0002-aaaa-bbbb", "npm", at("npm-name"), "1.1.0", "HIGH", references=[
                    {"type": "ADVISORY", "url": ("https://example.invalid/" + at("link"))[:499]}]))),
                self.file("d.json", json.dumps(osv("GHSA-0004-aaaa-bbbb", "npm", "left", at("fixed"), "HIGH"))),
                self.file("c.json", json.dumps(osv("GHSA-0003-aaaa-bbbb", "npm", "left", "1.1.0", "LOW", summary=at("suppressed-summary")))))
        release = samples.OS_RELEASE.replace("Debian GNU/Linux 12 (bookworm)", at("pretty").replace('"', "'"))
        status = samples.STATUS.replace("Package: tool\n", f"Package: tool{at('dpkg-name')}\n".replace("\x85", "")).replace("1.0-1+b1", "1.0-1" + at("dpkg-version").replace("\x85", ""))
        base_layer = Layer([d("usr"), d("usr/lib"), d("var"), d("var/lib"), d("var/lib/dpkg"), d("opt"), d("etc"), f("etc/os-release", release),
                            f("var/lib/dpkg/status", status), f("opt/" + at("path"), samples.MARKER, 0o755)], at("created-by"))
        files = {f"srv/{n}/node_modules/left/package.json": json.dumps({"name": name, "version": "1.0.0"}) for n, name in enumerate(names)}
        folder = self.tmp / at("reference").replace("\x85", "").replace(":", ";")  # a colon would begin the tag
        folder.mkdir(parents=True)
        image = images.OciLayout(folder).add("v1", [base_layer, layer(files, at("step"))], Labels={at("label"): at("label")}, Env=["A=" + at("env")],
                                             Entrypoint=[at("entrypoint")], User=at("user"))
        ignore = folder / "ignore"
        ignore.write_text("GHSA-0003-aaaa-bbbb " + at("reason") + "\n")
        threats = samples.marker_threats(self.tmp, title=at("threat-title"), mitigation=at("mitigation"))
        return self.write("hostile", image, "--threats", threats, "--ignore-file", ignore)[0]

    def control(self, base):
        """The payload as markup."""
        return self.file("control.html", f"<!doctype html><title>control</title>{payload('control', base)}").absolute()

    def listener(self):
        feeds = Feeds()
        self.addCleanup(feeds.stop)
        return feeds

    # --- one file ---

    def test_whole_without_a_network(self):
        path, report = self.full()
        page = self.page(path)
        self.assertEqual(page.requests(), [path.as_uri()])
        self.assertEqual(page.complaints(), [])
        self.assertEqual(page.js("document.title"), "careen: " + report["image"]["reference"])
        self.assertEqual(page.js("performance.getEntriesByType('resource').length"), 0)
        dom = dump_dom(path)
        self.assertEqual([n for n in (f["threat"] for f in report["findings"]) if n and n not in dom], [])
        self.assertEqual({tag for tag, _ in Markup(dom).elements} - TAGS, set())

    def test_says_what_json_says(self):
        path, report = self.full()
        page = self.page(path)
        self.assertEqual(report["verdict"], "flagged")
        self.assertEqual(page.js("document.querySelector('.verdict b').innerText"), "FLAGGED")
        self.assertRegex(page.js("document.querySelector('.verdict').innerText"), r"^FLAGGED: \d+ findings? flag")
        self.assertIn(report["image"]["digest"], page.js("document.body.innerText"))
        counts = {}
        for f_ in report["findings"]:
            counts[f_["severity"]] = counts.get(f_["severity"], 0) + 1
        self.assertEqual(set(counts), {"critical", "high", "medium", "low", "info", "unknown"}, "a case of each severity")
        self.assertEqual(dict(reversed(line.split()) for line in page.js("[...document.querySelectorAll('.counts span')].map(s => s.innerText)")),
                         {s: str(n) for s, n in counts.items()})
        rows = page.js(ROWS)
        self.assertEqual(len(rows), len(report["findings"]))
        for row, f_ in zip(rows, report["findings"]):
            package, advice = f_["where"]["package"] or {}, f_.get("vulnerability") or {}
            self.assertEqual((row[0], row[2], row[3]), (f_["severity"], package.get("name", ""), package.get("version", "")))
            self.assertEqual(row[1].split()[0], f_["threat"] or row[1])
            self.assertEqual("exploited" in row[1].split(), f_["threat"] == "CVE-2024-0003")
            self.assertIn(advice.get("fixed_version") or "", row[4])
            self.assertEqual(row[5], f_["title"])
        self.assertEqual([row[:2] for row in page.js(TABLE % "Suppressed")], [["CVE-2024-0006", "six"]])
        self.assertEqual([row[0] for row in page.js(TABLE % "What was looked at")], [c["question"] for c in report["coverage"]])
        self.assertEqual([row[1] for row in page.js(TABLE % "Layers")], [layer_["digest"] for layer_ in report["image"]["layers"]])
        page.js(OPEN_ALL)
        text = page.js("document.querySelector('#f0').innerText")
        for f_ in report["findings"]:
            for said in (*(e["says"] for e in f_["evidence"]), f_["remediation"], f_["where"]["path"]):
                self.assertIn(" ".join((said or "").split()), " ".join(text.split()))

    def test_clean(self):
        path, report = self.write("clean", images.OciLayout(self.tmp / "clean").add("v1", samples.clean(), Cmd=["/usr/bin/tool"]), code=CLEAN)
        page = self.page(path)
        self.assertEqual((page.js("document.querySelector('.verdict b').innerText"), page.complaints()), ("CLEAN", []))
        self.assertRegex(page.js("document.querySelector('.verdict').innerText"), r"^CLEAN of \d+ known threat")
        self.assertEqual(page.js("document.querySelectorAll('#f0 tbody tr').length"), len(report["findings"]))

    # --- hostile text ---

    def test_nothing_of_an_image_runs(self):
        feeds = self.listener()
        path = self.hostile(feeds.base)
        page = self.page(path)
        page.js(OPEN_ALL)
        self.assertEqual(page.js("typeof window.careenMarker"), "undefined")
        self.assertEqual((page.requests(), page.complaints(), feeds.requests), ([path.as_uri()], [], []))
        drawn = page.js("document.body.textContent")
        for place in ("reference", "pretty", "summary", "npm-name", "fixed", "link", "dpkg-version", "path", "created-by", "step", "reason", "dpkg-name", "alias", "entrypoint", "threat-title", "mitigation"):
            self.assertIn(f"[{place}]", drawn, "planted, and told")
        self.assertEqual(page.js(f"document.documentElement.textContent.match(/{TRICKS}/gu)"), None)
        self.assertIn(r"\xe2\x80\xae", drawn)
        for text in (path.read_text(), dump_dom(path)):
            elements = Markup(text).elements
            self.assertEqual({tag for tag, _ in elements} - TAGS, set())
            self.assertEqual({name for _, attributes in elements for name in attributes} - ATTRIBUTES, set())
            self.assertEqual([tag for tag, _ in elements if tag in ("script", "style", "title", "main")], ["title", "style", "main", "script"])
            self.assertEqual({a["href"].split("[")[0] for tag, a in elements if tag == "a"},
                             {"https://example.invalid/", "https://security-tracker.debian.org/tracker/CVE-2024-0100"})
        self.assertEqual(page.js("document.querySelectorAll('section > table').length"), 4, "no table was closed early")

    def test_the_policy_holds_where_escaping_fails(self):
        feeds = self.listener()
        path, _ = self.full()
        text = path.read_text()
        path.write_text(text.replace("<main>", f'<main><base href="{feeds.base}/">' + payload("raw", feeds.base) +
                                     f'--><form action="{feeds.base}/form"><button id="send">send</button></form>'))
        page = self.page(path)
        self.assertEqual((page.js("typeof window.careenMarker"), feeds.requests), ("undefined", []))
        self.assertGreaterEqual(len(page.complaints()), 4, "the policy tells what it refused")
        self.assertEqual(page.js("document.baseURI"), path.as_uri())
        page.js("document.querySelector('#send').click()")
        page.js("new Promise(done => setTimeout(done, 300))")
        self.assertEqual(feeds.requests, [])

    def test_these_tests_see(self):
        """A detector that finds nothing anywhere proves nothing."""
        feeds = self.listener()
        page = self.page(self.control(feeds.base), width=360)
        self.assertEqual(page.js("typeof window.careenMarker"), "string")
        self.assertIn("/control", [path for path, _ in feeds.requests])
        self.assertGreater(len(page.requests()), 1)
        self.assertNotEqual(page.complaints(), [])
        bad = self.file("bad.html", "<body style='background:#222'><p style='color:#333'>dim</p><a href='https://example.invalid/'>link</a><input placeholder=x>"
                                    "<p style='width:20px;overflow-wrap:anywhere;color:#fff'>installed</p><div style='width:500px'>wide</div>")
        page = self.page(bad, width=360)
        self.assertEqual({where for where, (_, ratio) in page.js(CONTRASTS).items() if ratio < CONTRAST}, {"p", "a", "div"})
        self.assertGreater(page.js("document.documentElement.scrollWidth"), 360)
        self.assertNotEqual(page.js(TOO_WIDE), [])
        self.assertEqual(page.js(BROKEN), ["installed"])

    # --- hands ---

    def test_folds(self):
        page = self.page(self.full()[0])
        self.assertFalse(any(page.js(EVIDENCE)))
        page.click("document.querySelector('summary')")
        self.assertTrue(page.js(FOLD))
        page.click("document.querySelector('summary')")
        self.assertFalse(page.js(FOLD))
        page.js("document.activeElement.blur(), getSelection().removeAllRanges(), document.querySelector('input').focus()")
        page.press("Tab")
        self.assertTrue(page.js("document.activeElement == document.querySelector('summary')"), "the filter, then the first finding")
        self.assertNotEqual(page.js("getComputedStyle(document.activeElement).outlineStyle"), "none", "the focus is seen")
        for key, shown in (("Enter", True), (" ", False), (" ", True), ("Enter", False)):
            page.press(key)
            self.assertEqual(page.js(FOLD), shown, key)
        self.assertEqual(page.complaints(), [])

    def test_filter(self):
        path, report = self.full()
        page = self.page(path)
        page.press("Tab")
        self.assertEqual(page.js("[document.activeElement.tagName, document.activeElement.labels[0].innerText.trim()]"), ["INPUT", "Filter"])
        page.type("cve-2024-0002")
        self.assertEqual([row[1] for row in page.js(ROWS)], ["CVE-2024-0002"])
        for text, count in (("no such thing", 0), ("npm: evil", 1), ("", len(report["findings"]))):
            page.js("document.activeElement.select()")
            page.type(text) if text else page.js("document.execCommand('delete')")
            self.assertEqual(len(page.js(ROWS)), count, text)
        narrow = self.page(path, width=360)
        narrow.press("Tab")
        narrow.type("cve-2024-0002")
        self.assertEqual([row[1] for row in narrow.js(ROWS)], ["CVE-2024-0002"])
        self.assertEqual(page.complaints() + narrow.complaints(), [])

    def test_filter_of_one_image_of_several(self):
        self.usual()
        layout = images.OciLayout(self.tmp / "several")
        rows = [images.on_platform(layout.manifest([layer(debian_files("bookworm", PACKAGES))], arch=arch), arch) for arch in ("amd64", "arm64")]
        layout.tag("v1", layout.index(rows))
        path = self.file("several.html", self.careen.run("scan", f"oci-dir:{layout.path}:v1", "--all-platforms", "--format", "html").out)
        page = self.page(path)
        shown = "[0, 1].map(n => [...document.querySelectorAll(`#f${n} tbody tr`)].filter(r => r.checkVisibility()).length)"
        before = page.js(shown)
        self.assertEqual(before[0], before[1])
        page.js("document.querySelectorAll('input')[1].focus()")
        page.type("CVE-2024-0001")
        self.assertEqual(page.js(shown), [before[0], 1])
        self.assertEqual(page.js("(ids => ids.length == new Set(ids).size)([...document.querySelectorAll('[id]')].map(e => e.id))"), True)
        self.assertEqual(page.complaints(), [])

    def test_without_scripts(self):
        """Where a server forbids scripts all is there but the filter, which would do nothing."""
        path, report = self.full()
        page = Page(BROWSER)
        self.addCleanup(page.__exit__)
        page.call("Emulation.setScriptExecutionDisabled", value=True)
        page.open(path)
        self.assertEqual(len(page.js(ROWS)), len(report["findings"]))
        self.assertEqual(page.js("document.querySelector('input').checkVisibility()"), False)
        page.click("document.querySelector('summary')")
        self.assertTrue(page.js(FOLD))

    # --- eyes ---

    def test_contrast(self):
        path, _ = self.full()
        for look in ({}, {"scheme": "dark"}, {"media": "print"}, {"scheme": "dark", "media": "print"}):
            with self.subTest(**look):
                page = self.page(path, **look)
                page.js(OPEN_ALL)
                found = page.js(CONTRASTS)
                for severity in ("critical", "high", "medium", "low", "info", "unknown"):
                    self.assertIn("td s " + severity, found)
                self.assertLessEqual({"h1", "h2", "p dim", "div verdict flagged", "b", "a", "summary", "code", "th", "td", "span tag critical"}, set(found))
                self.assertEqual("placeholder" in found, "media" not in look)
                self.assertEqual({where: worst for where, worst in found.items() if worst[1] < CONTRAST}, {})
                if "media" in look:
                    self.assertEqual(page.js("getComputedStyle(document.body).backgroundColor"), "rgb(255, 255, 255)", "paper is white")
                elif "scheme" in look:
                    self.assertEqual(page.js("getComputedStyle(document.documentElement).colorScheme"), "dark", "the browser's own parts are dark too")

    def test_narrow(self):
        feeds = self.listener()
        for path, words in ((self.full()[0], True), (self.hostile(feeds.base), False)):
            for look in ({"width": 360}, {"width": 360, "mobile": True}, {"width": 320, "scheme": "dark"}, {"width": 800}, {"width": 1280}):
                with self.subTest(path=path.name, **look):
                    page = self.page(path, **look)
                    for change in ("0", OPEN_ALL):
                        page.js(change)
                        self.assertLessEqual(page.js("document.documentElement.scrollWidth"), look["width"])
                        self.assertEqual(page.js("innerWidth"), look["width"])
                        self.assertEqual(page.js(TOO_WIDE), [])
                        if words:
                            self.assertEqual(page.js(BROKEN), [], "no short word is broken in two")

    def test_paper(self):
        path, _ = self.full()
        page = self.page(path, media="print", width=720)
        evidence = page.js(EVIDENCE)
        self.assertTrue(evidence and all(evidence), "paper does not unfold")
        self.assertEqual(page.js("[...document.querySelectorAll('label, input')].some(e => e.checkVisibility())"), False)
        self.assertEqual(page.js(BROKEN), [])
        self.assertLessEqual(page.js("document.documentElement.scrollWidth"), 720)
        page = self.page(path, scheme="dark")
        pdf = page.pdf()
        self.assertTrue(pdf.startswith(b"%PDF-"))
        self.assertIn(b"https://security-tracker.debian.org/tracker/CVE-2024-0100", pdf, "a link inside a fold is on the paper")
        self.assertFalse(any(page.js(EVIDENCE)), "and the page on the screen is as it was")
        self.assertEqual(page.complaints(), [])


if __name__ == "__main__":
    main()
