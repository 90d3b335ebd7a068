#include "formats/image_uses.h"

namespace careen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kDigest = "sha256:" + std::string(64, 'a');

ImageUses read(std::string_view text, const std::string& file) {
  auto r = read_image_uses(text, file);
  EXPECT_TRUE(r) << (r ? "" : r.error().what);
  return r ? *std::move(r) : ImageUses{};
}
std::vector<std::string> references(const ImageUses& u) {
  std::vector<std::string> out;
  for (const ImageUse& one : u.uses) out.push_back(one.reference + (one.line != 0 ? "@" + std::to_string(one.line) : ""));
  return out;
}
std::vector<std::string> dockerfile(std::string_view text) {
  return references(uses_in_dockerfile(text, "Dockerfile"));
}

std::string pod(const std::string& name, const std::string& phase, const std::string& image_id, const std::string& more = "") {
  return R"({"kind":"Pod","metadata":{"name":")" + name + R"(","namespace":"shop")" + more +
         R"(},"spec":{"containers":[{"name":"app","image":"web:1","command":["/bin/sh"],"args":["-c","x"]}],)" +
         R"("initContainers":[{"name":"init","image":"setup:2"}]},"status":{"phase":")" + phase + R"(","containerStatuses":[{"name":"app","imageID":")" +
         image_id + "\"}]}}";
}

TEST(PodsInUse, TellWhatRunsByDigestWorkloadAndCommand) {
  std::string owner = R"(,"ownerReferences":[{"kind":"ReplicaSet","name":"web-5f"}])";
  for (const std::string& id : {"docker.io/library/web@" + kDigest, "docker-pullable://web@" + kDigest, kDigest, "docker://" + kDigest}) {
    ImageUses u = read(R"({"kind":"List","items":[)" + pod("web-5f-1", "Running", id, owner) + "]}", "pods.json");
    ASSERT_THAT(u.uses, SizeIs(2)) << id;
    EXPECT_EQ(u.uses[0].reference, "setup:2");
    EXPECT_EQ(u.uses[0].container, "init");
    EXPECT_EQ(u.uses[1].reference, "web:1");
    EXPECT_EQ(u.uses[1].digest, kDigest) << id;
    EXPECT_EQ(u.uses[1].space, "shop");
    EXPECT_EQ(u.uses[1].workload, "ReplicaSet/web-5f");
    EXPECT_THAT(u.uses[1].command, ElementsAre("/bin/sh"));
    EXPECT_THAT(u.uses[1].arguments, ElementsAre("-c", "x"));
    EXPECT_TRUE(u.uses[1].running);
    EXPECT_THAT(u.gaps, IsEmpty());
  }
}

TEST(PodsInUse, WhatIsOverDoesNotRun) {
  for (auto [phase, runs] :
       std::vector<std::pair<std::string, bool>>{{"Running", true}, {"Pending", true}, {"Unknown", true}, {"Succeeded", false}, {"Failed", false}}) {
    ImageUses u = read(pod("p", phase, ""), "one.json");
    ASSERT_THAT(u.uses, SizeIs(2));
    EXPECT_EQ(u.uses[1].running, runs) << phase;
    EXPECT_EQ(u.uses[1].workload, "Pod/p");
    EXPECT_EQ(u.uses[1].digest, "");
  }
}

TEST(PodsInUse, AnIdThatIsNoDigestIsNone) {
  for (const std::string& id :
       {std::string("sha256:abc"), "web@sha256:" + std::string(64, 'A'), "xsha256:" + std::string(64, 'a'), kDigest + "0", std::string("sha256:")})
    EXPECT_EQ(read(pod("p", "Running", id), "x.json").uses[1].digest, "") << id;
}

TEST(PodsInUse, OtherWorkloadsAskForImages) {
  std::string containers = R"({"containers":[{"name":"c","image":"i:1"}]})";
  for (const std::string& item :
       {R"({"kind":"Deployment","metadata":{"name":"d","namespace":"n"},"spec":{"template":{"spec":)" + containers + "}}}",
        R"({"kind":"CronJob","metadata":{"name":"d","namespace":"n"},"spec":{"jobTemplate":{"spec":{"template":{"spec":)" + containers + "}}}}}",
        R"({"kind":"StatefulSet","metadata":{"name":"d","namespace":"n"},"spec":{"template":{"spec":)" + containers + "}}}"}) {
    ImageUses u = read(R"({"items":[)" + item + "]}", "x.json");
    ASSERT_THAT(u.uses, SizeIs(1)) << item;
    EXPECT_FALSE(u.uses[0].running) << "a template runs nothing by itself";
    EXPECT_THAT(u.uses[0].workload, HasSubstr("/d"));
    EXPECT_EQ(u.uses[0].space, "n");
  }
}

TEST(DockerInUse, ContainersRunAndImagesAreNamed) {
  std::string containers = R"([{"Id":"1","Name":"/web","Image":")" + kDigest +
                           R"(","State":{"Status":"running","Running":true},"Config":{"Image":"nginx:1","Entrypoint":["/e"],"Cmd":["a","b"]}},)" +
                           R"({"Id":"2","Name":"/old","Image":")" + kDigest +
                           R"(","State":{"Status":"exited","Running":false},"Config":{"Image":"nginx:1","Entrypoint":null,"Cmd":["alone"]}}])";
  ImageUses u = read(containers, "docker.json");
  ASSERT_THAT(u.uses, SizeIs(2));
  EXPECT_TRUE(u.uses[0].running);
  EXPECT_EQ(u.uses[0].workload, "container/web");
  EXPECT_EQ(u.uses[0].digest, kDigest);
  EXPECT_THAT(u.uses[0].command, ElementsAre("/e"));
  EXPECT_THAT(u.uses[0].arguments, ElementsAre("a", "b"));
  EXPECT_FALSE(u.uses[1].running);
  EXPECT_THAT(u.uses[1].command, ElementsAre("alone")) << "what docker tells is what runs, without the image's entry point";
  EXPECT_THAT(u.uses[1].arguments, IsEmpty());
  u = read(R"([{"Id":")" + kDigest + R"(","RepoTags":["a:1"],"RepoDigests":["a@)" + kDigest + R"("],"Config":{}}])", "images.json");
  ASSERT_THAT(u.uses, SizeIs(1));
  EXPECT_EQ(u.uses[0].reference, "a@" + kDigest);
}

TEST(JsonInUse, OddShapesAreToldNotGuessed) {
  EXPECT_FALSE(read_image_uses(R"({"a":1})", "x.json"));
  EXPECT_FALSE(read_image_uses("{", "x.json"));
  EXPECT_EQ(read_image_uses(std::string(100'000, '['), "x.json").error().code, Errc::limit);
  ImageUses u = read(R"({"items":[1,null,{"kind":"Pod","metadata":5,"spec":{"containers":[{"name":"c"},7]}}]})", "x.json");
  EXPECT_THAT(u.uses, IsEmpty());
  EXPECT_THAT(u.gaps, SizeIs(2)) << "containers without an image";
}

TEST(Dockerfiles, NameTheirBases) {
  EXPECT_THAT(dockerfile("FROM debian:12\n"), ElementsAre("debian:12@1"));
  EXPECT_THAT(dockerfile("from debian:12 as b\nFROM b\nFROM B AS c\nFROM scratch\n"), ElementsAre("debian:12@1"));
  EXPECT_THAT(dockerfile("# comment\n\nFROM \\\n  --platform=linux/arm64 \\\n# between\n  debian:12\r\n"), ElementsAre("debian:12@3"));
  EXPECT_THAT(dockerfile("# escape=`\nFROM `\ndebian\nRUN a \\\nFROM busybox\n"), ElementsAre("debian@2", "busybox@5"));
  EXPECT_THAT(dockerfile("ONBUILD FROM x\nRUN echo FROM y\n"), ElementsAre("x@1"));
  EXPECT_THAT(dockerfile("FROM \"debian:12\""), ElementsAre("debian:12@1"));
}

TEST(Dockerfiles, NameWhatTheyCopyFrom) {
  EXPECT_THAT(dockerfile("FROM a AS one\nFROM b\nCOPY --from=one /x /y\nCOPY --chown=1 --from=0 /x /y\nCOPY --from=tools:3 /x /y\n"
                         "RUN --mount=type=bind,from=cache:1,target=/c make\nRUN --mount=type=cache,target=/c make\nADD --from=one /x /y\n"),
              ElementsAre("a@1", "b@2", "tools:3@5", "cache:1@6"));
}

TEST(Dockerfiles, TheSyntaxLineIsAnImage) {
  EXPECT_THAT(dockerfile("# syntax=docker/dockerfile:1.7\nFROM a\n# syntax=late\n"), ElementsAre("docker/dockerfile:1.7@1", "a@2"));
}

TEST(Dockerfiles, ArgumentsBeforeTheFirstStageAreReplaced) {
  EXPECT_THAT(dockerfile("ARG D=debian\nARG V=12\nARG I=${D}:${V}\nFROM $I\nFROM ${D}:${W:-13}\nFROM ${D:+set}\n"),
              ElementsAre("debian:12@4", "debian:13@5", "set@6"));
  EXPECT_THAT(dockerfile("ARG A=1 B='two'\nFROM x:$A-$B\n"), ElementsAre("x:1-two@2"));
  ImageUses u = uses_in_dockerfile("ARG NO\nFROM $NO\nFROM a\nARG LATE=x\nFROM $LATE\n", "d/Dockerfile");
  EXPECT_THAT(references(u), ElementsAre("a@3"));
  ASSERT_THAT(u.gaps, SizeIs(2));
  EXPECT_EQ(u.gaps[0].where, "d/Dockerfile:2");
  EXPECT_THAT(u.gaps[0].why, HasSubstr("$NO"));
  EXPECT_EQ(u.gaps[1].where, "d/Dockerfile:5") << "an ARG of a stage holds in it alone";
}

// A value of values of values: what would take all memory is told as what it is, a name that nobody can use.
TEST(Dockerfiles, ValuesThatGrowWithoutEndAreNotFollowed) {
  std::string text = "ARG A0=" + std::string(1000, 'x') + "\n";
  for (int i = 1; i < 12; ++i) {
    text += "ARG A" + std::to_string(i) + "=";
    for (int k = 0; k < 100; ++k) text += "$A" + std::to_string(i - 1);
    text += "\n";
  }
  ImageUses u = uses_in_dockerfile(text + "FROM $A11\nFROM debian:12\n", "Dockerfile");
  EXPECT_THAT(references(u), ElementsAre("debian:12@14"));
  EXPECT_THAT(u.gaps, SizeIs(1));
}

TEST(Dockerfiles, HereDocumentsWithoutAnEndAreLookedForOnce) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "RUN x <<M\n";
  EXPECT_THAT(dockerfile(text + "FROM a\n"), ElementsAre("a@20001"));
  EXPECT_THAT(dockerfile(text + "FROM a\nM\nFROM c\n"), ElementsAre("c@20003")) << "what ends there began with the first";
}

TEST(Dockerfiles, BodiesOfHereDocumentsAreNoInstructions) {
  EXPECT_THAT(dockerfile("FROM a\nRUN <<EOF\nFROM b\nEOF\nFROM c\n"), ElementsAre("a@1", "c@5"));
  EXPECT_THAT(dockerfile("FROM a\nCOPY <<-\"ONE\" <<'TWO' /x\nFROM b\n\tONE\nFROM c\nTWO\nFROM d\n"), ElementsAre("a@1", "d@7"));
  EXPECT_THAT(dockerfile("FROM a\nRUN cat <<NEVER\nFROM b\n"), ElementsAre("a@1", "b@3")) << "one that does not end hides nothing";
  EXPECT_THAT(dockerfile("FROM a\nRUN x=$((1<<3))\nFROM b\n"), ElementsAre("a@1", "b@3"));
}

TEST(ComposeFiles, NameTheirServices) {
  ImageUses u = read(
      "x-base: &img nginx:1\nservices:\n  web:\n    image: *img\n    command: [serve, \"-p\"]\n  db:\n    image: \"postgres:${PG:-15}\"\n  own:\n    build: "
      ".\nvolumes:\n  image: {}\n",
      "compose.yaml");
  EXPECT_THAT(references(u), ElementsAre("postgres:15@7", "nginx:1@4"));
  EXPECT_EQ(u.uses[1].workload, "service/web");
  EXPECT_THAT(u.uses[1].arguments, ElementsAre("serve", "-p"));
  EXPECT_THAT(u.uses[1].command, IsEmpty());
  u = read("services:\n  a:\n    image: $TAG\n", "docker-compose.yml");
  EXPECT_THAT(u.uses, IsEmpty());
  ASSERT_THAT(u.gaps, SizeIs(1));
  EXPECT_EQ(u.gaps[0].where, "docker-compose.yml:3");
}

TEST(KubernetesFiles, NameTheirContainers) {
  ImageUses u = read(
      "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  namespace: shop\nspec:\n  template:\n    metadata:\n      name: inner\n    spec:\n     "
      " initContainers:\n      - image: i:1\n        name: first\n"
      "      containers:\n      - name: app\n        image: a:1\n        args: [x]\n---\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: "
      "{template: {spec: {containers: [{name: n, image: j:1}]}}}}}\n---\nkind: ConfigMap\ndata:\n  image: not-one\n",
      "app.yaml");
  EXPECT_THAT(references(u), ElementsAre("a:1@16", "i:1@12", "j:1@21"));
  EXPECT_EQ(u.uses[0].workload, "Deployment/web") << "not the name of the template";
  EXPECT_EQ(u.uses[0].space, "shop");
  EXPECT_THAT(u.uses[0].arguments, ElementsAre("x"));
  EXPECT_THAT(u.uses[0].command, IsEmpty());
  EXPECT_EQ(u.uses[1].container, "first");
  EXPECT_EQ(u.uses[2].workload, "CronJob/c");
}

TEST(GitlabFiles, NameTheirImages) {
  ImageUses u = read(
      "image: top:1\ndefault:\n  image:\n    name: default:1\n    entrypoint: [\"\"]\nservices:\n  - db:1\n  - name: cache:1\n    alias: c\nbuild:\n  image: "
      "job:1\n  services: [svc:1]\n  script:\n    - image: nothing\ntest:\n  image: $CI_IMAGE\n",
      "dir/.gitlab-ci.yml");
  EXPECT_THAT(references(u), testing::UnorderedElementsAre("top:1@1", "default:1@4", "db:1@7", "cache:1@8", "job:1@11", "svc:1@12"));
  ASSERT_THAT(u.gaps, SizeIs(1));
  EXPECT_EQ(u.gaps[0].where, "dir/.gitlab-ci.yml:16");
}

TEST(YamlInUse, HostileTextIsRefusedOrRead) {
  EXPECT_FALSE(read_image_uses(std::string(100'000, '['), "x.yaml"));
  EXPECT_FALSE(read_image_uses("a: b: c\n  - d", "x.yaml"));
  EXPECT_EQ(read_image_uses(std::string(kMaxUsesYaml + 1, '#'), "x.yaml").error().code, Errc::limit);
  std::string laughs = "a0: &a0 [x,x]\n";
  for (int i = 1; i < 40; ++i)
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + ",*a" + std::to_string(i - 1) + "]\n";
  EXPECT_THAT(read(laughs + "services: {s: {image: i}}\n", "x.yaml").uses, SizeIs(1)) << "an alias is one event, whatever it stands for";
  EXPECT_THAT(read("services:\n  s:\n    image: \"a\\nb\\e[31m\"\n", "x.yaml").uses, SizeIs(1)) << "what it says is for the reference's parser to refuse";
}

TEST(Uses, FilesAreKnownByNameAndShape) {
  EXPECT_THAT(references(read("FROM a\n", "anything")), ElementsAre("a@1"));
  EXPECT_THAT(references(read("# hello\nARG X=1\nFROM a:$X\n", "build.txt")), ElementsAre("a:1@3"));
  EXPECT_THAT(references(read("services: {s: {image: i}}\n", "stack")), ElementsAre("i@1"));
  for (const char* yes : {"Dockerfile", "dockerfile.prod", "web.Dockerfile", "Containerfile", "compose.yaml", ".gitlab-ci.yml", "a.YML"})
    EXPECT_TRUE(may_use_images(yes)) << yes;
  for (const char* no : {"Dockerfiles", "x.json", "README.md", "yaml", ""}) EXPECT_FALSE(may_use_images(no)) << no;
}

TEST(Variables, AreReplacedOrNotAtAll) {
  std::vector<Variable> known{{"A", "old"}, {"A", "1"}, {"EMPTY", ""}};
  auto expanded = [&](std::string_view text) {
    std::string out;
    return expand_variables(text, known, &out) ? out : "(not known)";
  };
  EXPECT_EQ(expanded("x$A-${A}"), "x1-1") << "the latest value";
  EXPECT_EQ(expanded("${EMPTY:-d}${EMPTY-e}"), "d");
  EXPECT_EQ(expanded("${B:-d}${B-e}"), "de");
  EXPECT_EQ(expanded("${A:+yes}${B:+no}${EMPTY:+no}${EMPTY+set}"), "yesset");
  for (const char* none : {"$B", "${B}", "$", "${", "${A", "${}", "$$", "a$(b)", "${B:-$A}"}) EXPECT_EQ(expanded(none), "(not known)") << none;
}

}  // namespace
}  // namespace careen
