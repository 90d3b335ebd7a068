#!/usr/bin/python3
"""careen against a real docker-registry: every way in, every kind of credential, media
types, platforms, and a second scan that reads no blob."""

import base64
import json
import re
import unittest

import images
import samples
from registry import (PASSWORD, USER, Authority, ForwardProxy, Registry, TokenServer,
                      credential_helper, docker_config)
from support import CLEAN, FLAGGED, UNREADABLE, USAGE, Case, careen_path, diff_ids, finding, main, need


def setUpModule():
    careen_path()
    need("docker-registry", "skopeo")


class RegistryCase(Case):
    """A layout with a poisoned and a clean image to push."""

    def setUp(self):
        super().setUp()
        self.threats = samples.marker_threats(self.tmp)
        self.layout = images.OciLayout(self.tmp / "layout")
        self.layout.add("bad", samples.poisoned())
        self.layout.add("good", samples.clean())

    def serve(self, name="registry", **kw):
        registry = Registry(self.tmp / name, **kw)
        self.addCleanup(registry.stop)
        return registry

    def push(self, registry, tag="bad", name=None, *flags, creds=False):
        return registry.push(f"oci:{self.layout.path}:{tag}", name or f"fleet/{tag}:1", *flags, creds=creds)

    def scan_bad(self, ref, *args, **kw):
        return self.report(f"registry:{ref}", "--threats", self.threats, *args, code=FLAGGED, **kw)

    def assert_auth_refused(self, run):
        self.assertEqual(run.code, UNREADABLE, str(run))
        self.assertRegex(run.stderr.lower(), "credential|unauthori|authenti|denied|log in|login")
        for secret in (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
            self.assertNotIn(secret, run.stdout + run.stderr)


class Open(RegistryCase):
    def setUp(self):
        super().setUp()
        self.registry = self.serve()
        self.ref = self.push(self.registry)
        self.push(self.registry, "good")

    def test_by_tag(self):
        report = self.scan_bad(self.ref)
        self.assertEqual(report["verdict"], "flagged")
        self.assertEqual(diff_ids(report), [l.diff_id for l in samples.poisoned()])
        self.assertTrue(finding(report, threat=samples.THREAT, path=samples.MARKER_PATH,
                                confidence="confirmed", visible=True, layer_index=1))
        self.assertEqual(self.report(f"registry:{self.registry.host}/fleet/good:1",
                                     "--threats", self.threats, code=CLEAN)["verdict"], "clean")

    def test_by_digest_and_bare(self):
        digest = self.scan_bad(self.ref)["image"]["digest"]
        self.assertRegex(digest, r"^sha256:[0-9a-f]{64}$")
        name = self.ref.rpartition(":")[0]
        for ref, args in ((f"registry:{name}@{digest}", ()), (self.ref, ()),
                          (self.ref, ("--from", "registry")),
                          (f"registry:localhost:{self.registry.port}/fleet/bad:1", ())):
            with self.subTest(ref, args=args):
                report = self.report(ref, "--threats", self.threats, *args, code=FLAGGED)
                self.assertEqual(report["image"]["digest"], digest)

    def test_first_line_names_the_source(self):
        run = self.careen.run("scan", self.ref, "--threats", self.threats)
        first = run.stdout.splitlines()[0]
        self.assertIn("registry", first, str(run))
        self.assertIn("fleet/bad:1", first, str(run))

    def test_wrong_digest_in_reference(self):
        name = self.ref.rpartition(":")[0]
        run = self.careen.scan(f"registry:{name}@sha256:{'0' * 64}")
        self.assert_fails(run, UNREADABLE)

    def test_what_is_not_there(self):
        for ref in (f"{self.registry.host}/fleet/bad:none", f"{self.registry.host}/fleet/nobody:1"):
            with self.subTest(ref):
                run = self.careen.scan(f"registry:{ref}")
                self.assert_fails(run, UNREADABLE, ref.rpartition("/")[2].partition(":")[0])
                self.assertRegex(run.stderr.lower(), "not found|unknown|no such|does not|no image")

    def test_nobody_listens(self):
        self.registry.stop()
        run = self.careen.scan(f"registry:{self.ref}", "--timeout", "5")
        self.assert_fails(run, UNREADABLE, self.registry.host)

    def test_schema2_and_oci(self):
        seen = {}
        for kind, media in (("v2s2", "docker"), ("oci", "oci")):
            ref = self.push(self.registry, "bad", f"fleet/{kind}:1", "--format", kind)
            report = self.scan_bad(ref)
            for layer in report["image"]["layers"]:
                self.assertIn(media, layer["media_type"])
            seen[kind] = diff_ids(report), len(report["findings"])
        self.assertEqual(seen["v2s2"], seen["oci"])

    def test_zstd_layers(self):
        need("zstd")
        descriptor = self.layout.manifest(samples.poisoned(), compression="zst")
        ref = self.registry.push_blobs(self.layout, "fleet/zstd", "1", descriptor)
        self.assertEqual(diff_ids(self.scan_bad(ref)), [l.diff_id for l in samples.poisoned()])

    def test_second_scan_reads_no_blob(self):
        for ref, code in ((self.ref, FLAGGED), (f"{self.registry.host}/fleet/good:1", CLEAN)):
            with self.subTest(ref):
                start = self.registry.mark()
                first = self.careen.scan(f"registry:{ref}", "--threats", self.threats)
                self.assert_code(first, code)
                if ref == self.ref:
                    self.assertGreater(len(self.registry.blob_reads(start)), 1)
                start = self.registry.mark()
                second = self.careen.scan(f"registry:{ref}", "--threats", self.threats)
                layers = {l["digest"] for l in first.json()["image"]["layers"]}
                read = [p for p in self.registry.blob_reads(start)
                        if p.rpartition("/")[2] in layers]
                self.assertEqual(read, [])
                self.assertEqual(self.registry.blob_reads(start), [],
                                 "the manifest is all that a second scan needs")
                self.assertEqual(second.out, first.out)

    def test_shared_base_is_read_once(self):
        self.scan_bad(self.ref)
        start = self.registry.mark()
        self.report(f"registry:{self.registry.host}/fleet/good:1", "--threats", self.threats)
        base = samples.base().diff_id
        digest = next(l["digest"] for l in self.scan_bad(self.ref)["image"]["layers"]
                      if l["diff_id"] == base)
        self.assertFalse([p for p in self.registry.blob_reads(start) if p.endswith(digest)])


class Platforms(RegistryCase):
    def setUp(self):
        super().setUp()
        self.registry = self.serve()
        amd = self.layout.manifest(samples.clean(), arch="amd64")
        arm = self.layout.manifest(samples.poisoned(), arch="arm64", variant="v8")
        self.amd, self.arm = amd["digest"], arm["digest"]
        index = self.layout.index([
            images.on_platform(amd, "amd64"), images.on_platform(arm, "arm64", "v8"),
            self.layout.attestation(amd), self.layout.attestation(arm)])
        self.ref = self.registry.push_blobs(self.layout, "fleet/multi", "1", index)

    def scan(self, *args, code):
        return self.report(f"registry:{self.ref}", "--threats", self.threats, *args, code=code)

    def test_default_is_this_machine(self):
        if images.HOST == "amd64":
            self.assertEqual(self.scan(code=CLEAN)["image"]["digest"], self.amd)
        elif images.HOST == "arm64":
            self.assertEqual(self.scan(code=FLAGGED)["image"]["digest"], self.arm)
        else:
            self.skipTest(f"image has no {images.HOST}")

    def test_chosen(self):
        for platform, digest, code in (("linux/amd64", self.amd, CLEAN),
                                       ("linux/arm64", self.arm, FLAGGED),
                                       ("linux/arm64/v8", self.arm, FLAGGED)):
            with self.subTest(platform):
                report = self.scan("--platform", platform, code=code)
                self.assertEqual(report["image"]["digest"], digest)
                self.assertTrue(report["image"]["platform"].startswith(platform[:11]))

    def test_absent_platform_lists_what_there_is(self):
        run = self.careen.scan(f"registry:{self.ref}", "--platform", "linux/s390x")
        self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
        self.assertIn("amd64", run.stderr)
        self.assertIn("arm64", run.stderr)
        self.assertNotIn("unknown/unknown", run.stderr)

    def test_only_one_there_is(self):
        other = "s390x" if images.HOST != "s390x" else "amd64"
        only = self.layout.manifest(samples.clean(), arch=other)
        index = self.layout.index([images.on_platform(only, other), self.layout.attestation(only)])
        ref = self.registry.push_blobs(self.layout, "fleet/only", "1", index)
        report = self.report(f"registry:{ref}", code=CLEAN)
        self.assertIn(other, report["image"]["platform"])

    def test_all(self):
        doc = self.scan("--all-platforms", code=FLAGGED)
        self.assertEqual(doc["schema"], "careen/reports/v1")
        verdicts = {r["image"]["digest"]: r["verdict"] for r in doc["reports"]}
        self.assertEqual(verdicts, {self.amd: "clean", self.arm: "flagged"})
        self.assertTrue(all(r["schema"] == "careen/report/v1" for r in doc["reports"]))

    def test_docker_manifest_list(self):
        a = self.layout.manifest(samples.clean(), arch="amd64", flavour="docker")
        b = self.layout.manifest(samples.poisoned(), arch="arm64", flavour="docker")
        index = self.layout.index([images.on_platform(a, "amd64"), images.on_platform(b, "arm64")],
                                  flavour="docker")
        ref = self.registry.push_blobs(self.layout, "fleet/list", "1", index)
        report = self.report(f"registry:{ref}", "--threats", self.threats,
                             "--platform", "linux/arm64", code=FLAGGED)
        self.assertEqual(report["image"]["digest"], b["digest"])


class Basic(RegistryCase):
    """htpasswd, with the credentials in each of their places."""

    def setUp(self):
        super().setUp()
        need("htpasswd")
        self.registry = self.serve(auth="htpasswd")
        self.ref = self.push(self.registry, creds=True)
        self.host = self.registry.host
        self.good = docker_config({self.host: (USER, PASSWORD)})

    def write(self, path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o600)
        return path

    def docker(self, text):
        return self.write(self.careen.home / ".docker" / "config.json", text)

    def test_without_credentials(self):
        self.assert_auth_refused(self.careen.scan(f"registry:{self.ref}"))

    def test_wrong_password(self):
        self.docker(docker_config({self.host: (USER, PASSWORD[::-1])}))
        run = self.careen.scan(f"registry:{self.ref}", "--verbose")
        self.assert_auth_refused(run)
        self.assertNotIn(PASSWORD[::-1], run.stdout + run.stderr)
        self.assertIn(self.host, run.stderr)

    def test_docker_config_auths(self):
        for host in (self.host, f"http://{self.host}", f"https://{self.host}/v2/"):
            with self.subTest(host):
                self.docker(docker_config({host: (USER, PASSWORD)}))
                self.scan_bad(self.ref, "--no-cache")

    def test_docker_config_directory(self):
        self.write(self.tmp / "dc" / "config.json", self.good)
        self.scan_bad(self.ref, env={"DOCKER_CONFIG": self.tmp / "dc"})

    def test_username_and_password_fields(self):
        self.docker(json.dumps({"auths": {self.host: {"username": USER, "password": PASSWORD}}}))
        self.scan_bad(self.ref)

    def helper(self, name):
        credential_helper(self.tmp / "bin", name, self.host, USER, PASSWORD)
        return {"PATH": f"{self.tmp / 'bin'}:{self.careen.env['PATH']}"}

    def test_cred_helper_of_the_host(self):
        env = self.helper("shipmate")
        self.docker(docker_config(credHelpers={self.host: "shipmate"}, credsStore="missing"))
        self.scan_bad(self.ref, env=env)
        self.assertIn("get ", (self.tmp / "bin" / "calls").read_text())

    def test_creds_store(self):
        env = self.helper("locker")
        self.docker(docker_config(auths={"other.test": ("x", "y")}, credsStore="locker"))
        self.scan_bad(self.ref, env=env)

    def test_missing_helper_is_said(self):
        self.docker(docker_config(credHelpers={self.host: "nowhere"}))
        run = self.careen.scan(f"registry:{self.ref}")
        self.assert_fails(run, UNREADABLE, "docker-credential-nowhere")

    def test_registry_auth_file(self):
        path = self.write(self.tmp / "auth.json", self.good)
        self.docker(docker_config({self.host: (USER, "wrong")}))
        self.scan_bad(self.ref, env={"REGISTRY_AUTH_FILE": path})

    def test_containers_auth_of_the_session(self):
        self.write(self.careen.runtime / "containers" / "auth.json", self.good)
        self.scan_bad(self.ref)

    def test_containers_auth_of_the_user(self):
        self.write(self.careen.home / "config" / "containers" / "auth.json", self.good)
        self.scan_bad(self.ref)

    def test_repository_key_wins_over_host(self):
        self.write(self.careen.runtime / "containers" / "auth.json", docker_config({
            self.host: (USER, "wrong"), f"{self.host}/fleet": (USER, PASSWORD)}))
        self.scan_bad(self.ref)

    def test_broken_file_is_said_without_its_content(self):
        self.docker('{"auths": {"%s": {"auth": "%s"' % (self.host, PASSWORD))
        run = self.careen.scan(f"registry:{self.ref}")
        self.assertEqual(run.code, UNREADABLE, str(run))
        self.assertIn("config.json", run.stderr)
        self.assertNotIn(PASSWORD, run.stderr)


class Token(RegistryCase):
    def setUp(self):
        super().setUp()
        self.tokens = TokenServer(self.tmp / "tokens")
        self.addCleanup(self.tokens.stop)
        self.registry = self.serve(auth="token", tokens=self.tokens)
        self.ref = self.push(self.registry, creds=True)
        self.tokens.seen.clear()

    def config(self, text):
        path = self.careen.home / ".docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def test_right_password(self):
        self.config(docker_config({self.registry.host: (USER, PASSWORD)}))
        self.scan_bad(self.ref)
        scopes = " ".join(path for _, path, _ in self.tokens.seen)
        self.assertIn("fleet", scopes)
        self.assertNotIn("push", scopes)

    def test_wrong_and_none(self):
        self.assert_auth_refused(self.careen.scan(f"registry:{self.ref}"))
        self.config(docker_config({self.registry.host: (USER, "wrong-password")}))
        run = self.careen.scan(f"registry:{self.ref}")
        self.assert_auth_refused(run)
        self.assertNotIn("wrong-password", run.stderr)

    def test_identity_token(self):
        self.config(json.dumps({"auths": {self.registry.host: {
            "auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(),
            "identitytoken": TokenServer.REFRESH}}}))
        self.scan_bad(self.ref)
        self.assertIn("POST", [method for method, _, _ in self.tokens.seen])


class Tls(RegistryCase):
    def setUp(self):
        super().setUp()
        self.ca = Authority(self.tmp / "ca")
        self.registry = self.serve(tls=self.ca)
        self.ref = self.push(self.registry)

    def test_private_ca(self):
        self.scan_bad(self.ref, "--cacert", self.ca.ca)

    def test_unknown_ca_is_refused(self):
        run = self.careen.scan(f"registry:{self.ref}")
        self.assert_fails(run, UNREADABLE, "certificate", "--cacert")

    def test_another_ca_is_refused(self):
        other = Authority(self.tmp / "other")
        self.assert_fails(self.careen.scan(f"registry:{self.ref}", "--cacert", other.ca), UNREADABLE,
                          "certificate")

    def test_missing_ca_file(self):
        run = self.careen.scan(f"registry:{self.ref}", "--cacert", self.tmp / "none.pem")
        self.assertIn(run.code, (USAGE, UNREADABLE), str(run))
        self.assertIn("none.pem", run.stderr)

    def test_insecure(self):
        self.scan_bad(self.ref, "--insecure")


class ClearText(RegistryCase):
    """HTTP to a name that is not loopback, shown through a forward proxy."""

    def setUp(self):
        super().setUp()
        self.registry = self.serve()
        self.push(self.registry)
        self.proxy = ForwardProxy(self.registry.port)
        self.addCleanup(self.proxy.stop)
        url = f"http://127.0.0.1:{self.proxy.port}"
        self.env = {"http_proxy": url, "https_proxy": url, "HTTPS_PROXY": url}
        self.ref = "registry:registry.test:5000/fleet/bad:1"

    def test_refused(self):
        run = self.careen.scan(self.ref, env=self.env, timeout=120)
        self.assert_fails(run, UNREADABLE, "--insecure")
        self.assertEqual(self.proxy.plain, [])

    def test_allowed_by_insecure(self):
        report = self.report(self.ref, "--insecure", "--threats", self.threats, env=self.env,
                             code=FLAGGED)
        self.assertTrue(self.proxy.plain)
        self.assertEqual(diff_ids(report), [l.diff_id for l in samples.poisoned()])

    def test_no_proxy(self):
        run = self.careen.scan(f"registry:{self.registry.host}/fleet/bad:1", "--threats", self.threats,
                               env={**self.env, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"})
        self.assert_code(run, FLAGGED)
        self.assertFalse([p for p in self.proxy.plain if re.search("/v2/", p)])


if __name__ == "__main__":
    main()
