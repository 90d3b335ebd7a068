// Any bytes as manifest.json of a docker archive whose other documents are sound.
#include "source/docker_archive.h"

namespace {

class Tree : public careen::BlobTree {
 public:
  explicit Tree(std::string manifest) : manifest_(std::move(manifest)) {}
  careen::Result<std::string> text(const std::string& name, uint64_t limit) const override {
    if (name == "manifest.json" && manifest_.size() <= limit) return manifest_;
    if (name == "index.json") return std::string(R"({"manifests":[]})");
    if (name == "c.json") return std::string(R"({"os":"linux","architecture":"amd64"})");
    return careen::Error{careen::Errc::not_found, name};
  }
  careen::Result<careen::BlobInput> open(const std::string& name) const override { return careen::Error{careen::Errc::not_found, name}; }
  bool has(const std::string& name) const override { return name == "manifest.json"; }

 private:
  std::string manifest_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace careen;
  auto tree = std::make_shared<Tree>(std::string(as_text(Bytes(data, size))));
  for (const char* selector : {"", "@0", "x:1"})
    for (bool all : {false, true}) {
      auto images = read_docker_archive(tree, selector, {.platform = {}, .all = all}, "docker-archive", "x.tar");
      if (images && (images->empty() || (!all && images->size() != 1))) __builtin_trap();
    }
  return 0;
}
