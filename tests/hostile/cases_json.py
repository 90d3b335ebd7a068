# JSON that parsers disagree on, or choke on. Container engines are written in Go; what they would run is what must be examined.
from case import case
from layout import CONFIG, INDEX, MANIFEST, Layout, as_json, image_config, oci, plain, sha
from tarmaker import archive, file, usual

TREE = archive(*usual())
EVIL = archive(file("evil"))
NEVER = "a document that cannot be read gives no image"


def with_manifest(d, text):
    """A layout whose manifest is the given bytes; %C, %G and %E are replaced by descriptors of config, good and evil layer."""
    layout = Layout(d)
    conf = as_json(layout.put(image_config([sha(EVIL)]), CONFIG))
    good, evil = as_json(layout.layer(plain(TREE))), as_json(layout.layer(plain(EVIL)))
    text = text.replace(b"%C", conf).replace(b"%G", good).replace(b"%E", evil)
    return layout.index(layout.put(text, MANIFEST))


HEAD = b'{"schemaVersion":2,"mediaType":"' + MANIFEST.encode() + b'","config":%C,'


@case("json-duplicate-layers", "a manifest with two `layers`: first a good one, then an evil one", (0, 3, 4),
      "engines take the last; so does careen, or it refuses")
def duplicate_layers(d):
    return with_manifest(d, HEAD + b'"layers":[%G],"layers":[%E]}')


@case("json-key-case", "a manifest with `layers` (good) and then `Layers` (evil): Go takes keys in any case, and the last counts",
      (1, 3, 4), "an engine would run the evil layer: never clean on the good one alone")
def key_case(d):
    layout = Layout(d)
    conf = as_json(layout.put(image_config([sha(TREE)]), CONFIG))
    good, evil = as_json(layout.layer(plain(TREE))), as_json(layout.layer(plain(EVIL)))
    text = HEAD.replace(b"%C", conf) + b'"layers":[' + good + b'],"Layers":[' + evil + b"]}"
    return layout.index(layout.put(text, MANIFEST))


@case("json-deep-manifest", "a manifest with 100,000 nested arrays", 4, NEVER)
def deep_manifest(d):
    return with_manifest(d, HEAD + b'"x":' + b"[" * 100000 + b"]" * 100000 + b',"layers":[%E]}')


@case("json-deep-config", "a config with 100,000 nested arrays", (3, 4), "not read: never clean")
def deep_config(d):
    def bend(config):
        return as_json(config)[:-1] + b',"x":' + b"[" * 100000 + b"]" * 100000 + b"}"
    return oci(d, TREE, config=bend)


@case("json-deep-index", "an index.json of 100,000 nested objects", 4, NEVER)
def deep_index(d):
    layout = Layout(d)
    layout.store("index.json", b'{"a":' * 100000 + b"1" + b"}" * 100000)
    return f"oci-dir:{d}"


@case("json-cut", "a manifest cut in the middle", 4, NEVER)
def cut(d):
    return with_manifest(d, HEAD + b'"layers":[%E')


@case("json-empty", "a manifest of no bytes", 4, NEVER)
def empty(d):
    return with_manifest(d, b"")


@case("json-null", "a manifest that is null", 4, NEVER)
def null(d):
    return with_manifest(d, b"null")


@case("json-trailing", "a manifest with a second document after it", (0, 3, 4), "parsers differ; refused, or the first is read")
def trailing(d):
    return with_manifest(d, HEAD + b'"layers":[%E]}{"layers":[]}')


@case("json-bom", "a manifest with a byte order mark", (0, 4), "Go refuses it; refused, or read as it stands")
def bom(d):
    return with_manifest(d, b"\xef\xbb\xbf" + HEAD + b'"layers":[%E]}')


@case("json-invalid-utf8", "a manifest with an annotation that is no UTF-8", (0, 4), "Go replaces such bytes; read, or refused",
      terminal=True)
def invalid_utf8(d):
    return with_manifest(d, HEAD + b'"annotations":{"x":"\xff\xfe"},"layers":[%E]}')


@case("json-big-number", "a size of 10^400, one of 1e999 and one of 0.5", (0, 3, 4), "no sizes; refused or ignored, nothing wraps")
def big_number(d):
    return with_manifest(d, HEAD + b'"x":1e999,"y":1' + b"0" * 400 + b',"layers":[%E]}')


@case("json-comment", "a manifest with comments", 4, "no JSON: " + NEVER)
def comment(d):
    return with_manifest(d, HEAD + b'/* a */ "layers":[%E]} // b')


def wrong(name, attack, exits, bend, why="config of wrong types: what is left is read, or no image; no crash", **more):
    @case("config-" + name, attack, exits, why, **more)
    def build(d):
        def change(config):
            bend(config)
        return oci(d, TREE, config=change)


wrong("env-number", "a config whose Env is a number", (0, 3, 4), lambda c: c["config"].update(Env=7))
wrong("cmd-object", "a config whose Cmd is an object and Entrypoint a text", (0, 3, 4),
      lambda c: c["config"].update(Cmd={"a": 1}, Entrypoint="sh"))
wrong("env-mixed", "an Env of null, numbers, lists, and a text without =", (0, 3, 4),
      lambda c: c["config"].update(Env=[None, 1, ["x"], "noequals", "=x", "\x1b[31m=1"]), terminal=True)
wrong("config-list", "a config section that is a list", (0, 3, 4), lambda c: c.update(config=[1]))
wrong("config-null", "a config section that is null", 0, lambda c: c.update(config=None), "Go reads null as empty: legal")
wrong("history-object", "a history that is an object", (0, 3, 4), lambda c: c.update(history={"a": 1}))
wrong("history-mixed", "a history with null, numbers, and more steps than layers", (0, 3, 4),
      lambda c: c.update(history=[None, 3, {"created_by": 5}] + [{"empty_layer": "yes"}] * 3 + [{}] * 9))
wrong("history-escapes", "a history step with terminal escapes and newlines", 0,
      lambda c: c.update(history=[{"created_by": "\x1b[2J\x1b]0;x\x07RUN x\nclean: nothing"}]),
      "legal text; shown escaped", terminal=True)
wrong("labels-escapes", "labels with escapes, and 20,000 of them", 0,
      lambda c: c["config"].update(Labels={f"\x1b[3{i}m": "\r\n\x9b" for i in range(20000)}), "legal text; shown escaped",
      terminal=True)
wrong("diff-ids-numbers", "diff IDs that are numbers", (0, 1, 3, 4), lambda c: c["rootfs"].update(diff_ids=[1]),
      "no engine runs it; examined by the manifest's digests, or refused")
wrong("diff-ids-text", "diff_ids that is a text", (0, 1, 3, 4), lambda c: c["rootfs"].update(diff_ids="sha256:x"),
      "no engine runs it; examined by the manifest's digests, or refused")
wrong("os-number", "os and architecture that are numbers", (0, 3, 4), lambda c: c.update(os=1, architecture=[]))
wrong("os-escapes", "an architecture with escapes and 100,000 characters", (0, 3, 4),
      lambda c: c.update(architecture="\x1b[31m" + "a" * 100000), terminal=True)
wrong("entrypoint-million", "an entry point of 1,000,000 arguments", (0, 3, 4),
      lambda c: c["config"].update(Entrypoint=["x"] * 1_000_000), "legal, or over the limit for a config")


@case("layout-version", "an oci-layout file of version 9.9.9", (0, 4), "unknown version: refused, or read as it stands")
def layout_version(d):
    image = oci(d, TREE)
    with open(f"{d}/oci-layout", "w") as f:
        f.write('{"imageLayoutVersion":"9.9.9"}')
    return image


@case("layers-object", "a manifest whose layers is an object", 4, NEVER)
def layers_object(d):
    return with_manifest(d, HEAD + b'"layers":{"0":%E}}')


@case("layers-null-entry", "a manifest with a null among its layers", (3, 4), "a layer that is not there: never clean")
def layers_null(d):
    return with_manifest(d, HEAD + b'"layers":[%E,null]}')


@case("index-entry-wrong", "an index with entries that are null, numbers and texts", 4, NEVER)
def index_wrong(d):
    layout = Layout(d)
    layout.store("index.json", {"schemaVersion": 2, "mediaType": INDEX, "manifests": [None, 5, "x", {}, []]})
    return f"oci-dir:{d}"


@case("schema-1", "a Docker schema 1 manifest", 4, "of before 2016, refused with advice: no image to be had")
def schema_1(d):
    return with_manifest(d, b'{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[{"blobSum":"sha256:00"}],"history":[]}')
