// Credential helpers that answer wrongly: an answer of another shape is no answer, and one without an end is ended.
#include "source/credentials.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <map>

#include "../tests/support/scratch.h"

namespace careen {
namespace {

// A home of its own, with one registry, one helper for it, and a PATH that finds the helper first.
class Helper : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"HOME", "PATH", "DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"}) {
      const char* v = std::getenv(name);
      before_[name] = v == nullptr ? std::optional<std::string>{} : std::string(v);
      if (std::string_view(name) != "PATH") ::unsetenv(name);
    }
    ::setenv("HOME", scratch_.path().c_str(), 1);
    ::setenv("PATH", ((scratch_ / "bin:") + before_["PATH"].value_or("/usr/bin:/bin")).c_str(), 1);
    scratch_.write(".docker/config.json", R"({"credHelpers":{"registry.test":"parrot"}})");
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
  }
  std::optional<Credentials> ask(const std::string& script) {
    std::string path = scratch_.write("bin/docker-credential-parrot", "#!/bin/sh\n" + script + "\n");
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return find_credentials("registry.test", "some/image");
  }
  std::optional<Credentials> answer(const std::string& json) { return ask("cat > /dev/null\nprintf '%s' '" + json + "'"); }

  test::Scratch scratch_;
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(Helper, AnAnswerIsTaken) {
  auto c = answer(R"({"ServerURL":"registry.test","Username":"sailor","Secret":"oakum"})");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->user, "sailor");
  EXPECT_EQ(c->password, "oakum");
  EXPECT_EQ(c->identity_token, "");
  c = answer(R"({"Username":"<token>","Secret":"long"})");
  ASSERT_TRUE(c);
  EXPECT_EQ(c->identity_token, "long");
}

TEST_F(Helper, AnAnswerWithoutASecretIsNone) {
  for (const char* json : {R"({"Username":"sailor","Secret":null})", R"({"Username":null,"Secret":null})", R"({"Username":"sailor","Secret":5})",
                           R"({"Username":1,"Secret":2.5})", R"({"Username":"sailor","Secret":["oakum"]})", R"({"Username":{},"Secret":{"a":1}})",
                           R"({"Username":"sailor","Secret":true})", R"({"Username":"sailor"})", R"({})", R"([])", R"(null)", R"("text")", "5", "", "no JSON"})
    EXPECT_FALSE(answer(json)) << json;
}

TEST_F(Helper, AUserNameThatIsNoTextIsLeftOut) {
  for (const char* json : {R"({"Username":null,"Secret":"oakum"})", R"({"Username":7,"Secret":"oakum"})", R"({"Secret":"oakum"})"}) {
    auto c = answer(json);
    if (!c) continue;  // to take such an answer for none is as good
    EXPECT_EQ(c->user, "") << json;
    EXPECT_EQ(c->password, "oakum") << json;
  }
}

TEST_F(Helper, OneThatFailsIsNoAnswer) {
  EXPECT_FALSE(ask(R"(printf '%s' '{"Username":"sailor","Secret":"oakum"}'; exit 1)"));
  EXPECT_FALSE(ask("kill -9 $$"));
}

// What it has written is thrown away; it would wait for ever for a reader.
TEST_F(Helper, OneThatWritesMoreThanAnyAnswerIsEnded) {
  EXPECT_FALSE(ask("exec head -c 5242880 /dev/zero"));
  EXPECT_FALSE(ask("exec cat /dev/zero"));
  EXPECT_FALSE(
      ask("printf '{\"Username\":\"sailor\",\"Secret\":\"'; head -c 5242880 /dev/zero | tr '\\0' x; printf '\"}'; echo late > " + (scratch_ / "late")));
  EXPECT_FALSE(std::filesystem::exists(scratch_ / "late")) << "it was not ended";
}

TEST_F(Helper, AFileOfAuthsWithOtherShapesGivesNothing) {
  for (const char* json :
       {R"({"auths":{"registry.test":{"auth":null}}})", R"({"auths":{"registry.test":{"username":1,"password":2}}})", R"({"auths":{"registry.test":5}})",
        R"({"auths":[]})", R"({"auths":{"registry.test":{"auth":"####"}}})", R"({"credsStore":7})", R"({"credHelpers":{"registry.test":null}})", "[]", "5"}) {
    scratch_.write(".docker/config.json", json);
    EXPECT_FALSE(find_credentials("registry.test", "some/image")) << json;
  }
}

}  // namespace
}  // namespace careen
