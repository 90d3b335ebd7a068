#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "formats/image_uses.h"

namespace careen {
namespace {

constexpr size_t kMaxDepth = 100;

// Follows the events of a document and calls value() for every scalar with the keys that lead to it.
class Documents : public YAML::EventHandler {
 public:
  Documents(std::string file, ImageUses* out) : file_(std::move(file)), out_(out) { is_gitlab_ = base_name(file_).find("gitlab-ci") != std::string_view::npos; }

  void OnDocumentStart(const YAML::Mark&) override {
    stack_.clear();
    anchors_.clear();
    containers_.clear();
    kind_.clear(), name_.clear(), space_.clear();
  }
  void OnDocumentEnd() override {
    for (auto& [path, u] : containers_) {
      if (u.reference.empty()) continue;
      if (!kind_.empty()) u.workload = kind_ + "/" + name_, u.space = space_;
      if (out_->uses.size() < kMaxUses) out_->uses.push_back(std::move(u));
    }
  }
  void OnNull(const YAML::Mark& m, YAML::anchor_t) override { scalar("", m); }
  void OnAlias(const YAML::Mark& m, YAML::anchor_t a) override {
    auto it = anchors_.find(a);
    scalar(it == anchors_.end() ? "" : it->second, m);
  }
  void OnScalar(const YAML::Mark& m, const std::string&, YAML::anchor_t a, const std::string& value) override {
    if (a != 0) anchors_[a] = value;
    scalar(value, m);
  }
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override { enter(true); }
  void OnSequenceEnd() override { leave(); }
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override { enter(false); }
  void OnMapEnd() override { leave(); }

 private:
  struct Level {
    bool sequence = false, wants_key = true;
    std::string key;
    size_t index = 0;
  };

  void enter(bool sequence) {
    if (stack_.size() >= kMaxDepth) throw YAML::Exception(YAML::Mark::null_mark(), "nested deeper than 100 (kMaxDepth)");
    stack_.push_back({sequence, true, "", 0});
  }
  void leave() {
    stack_.pop_back();
    step();
  }
  // The value of a key, or an item, is over.
  void step() {
    if (stack_.empty()) return;
    Level& l = stack_.back();
    if (l.sequence)
      ++l.index;
    else
      l.wants_key = !l.wants_key;
  }
  void scalar(const std::string& text, const YAML::Mark& m) {
    if (!stack_.empty()) {
      Level& l = stack_.back();
      if (!l.sequence && l.wants_key)
        l.key = text;
      else
        value(text, m.line + 1);
    }
    step();
  }

  // The key at a depth from the end, "[]" for an item: key(0) is the value's own.
  std::string_view key(size_t up) const {
    if (up >= stack_.size()) return "";
    const Level& l = stack_[stack_.size() - 1 - up];
    return l.sequence ? std::string_view("[]") : std::string_view(l.key);
  }
  std::string path(size_t levels) const {
    std::string out;
    for (size_t i = 0; i < levels; ++i) out += "/" + (stack_[i].sequence ? std::to_string(stack_[i].index) : stack_[i].key);
    return out;
  }
  static bool is_container_list(std::string_view k) { return k == "containers" || k == "initContainers" || k == "ephemeralContainers"; }

  void value(const std::string& text, int line) {
    size_t depth = stack_.size();
    if (key(0) == "kind" && (depth == 1 || (depth == 3 && key(2) == "items"))) kind_ = text;
    if (key(1) == "metadata" && depth <= 4) {
      if (key(0) == "name" && (depth == 2 || key(3) == "items")) name_ = text;
      if (key(0) == "namespace") space_ = text;
    }
    if (is_gitlab_) return gitlab(text, line);
    // …/containers/[]/image and /command/[]; services/NAME/image and /command.
    if (key(0) == "image" && key(1) == "[]" && is_container_list(key(2))) return image(path(depth - 1), text, line);
    if (key(0) == "[]" && (key(1) == "command" || key(1) == "args") && key(2) == "[]" && is_container_list(key(3))) {
      ImageUse& u = containers_[path(depth - 2)];
      return (key(1) == "args" ? u.arguments : u.command).push_back(text);
    }
    if (key(0) == "name" && key(1) == "[]" && is_container_list(key(2))) containers_[path(depth - 1)].container = text;
    if (depth >= 3 && stack_[0].key == "services" && !stack_[0].sequence) {
      std::string service = path(2);
      if (depth == 3 && key(0) == "image") {
        image(service, text, line);
        containers_[service].workload = "service/" + stack_[1].key;
      }
      if ((depth == 3 && (key(0) == "command" || key(0) == "entrypoint")) || (depth == 4 && key(0) == "[]" && (key(1) == "command" || key(1) == "entrypoint")))
        (key(depth == 4 ? 1 : 0) == "command" ? containers_[service].arguments : containers_[service].command).push_back(text);
    }
  }

  // image: X, image: {name: X}, services: [X, {name: X}], at the top, under default: and in a job.
  void gitlab(const std::string& text, int line) {
    size_t depth = stack_.size();
    bool named = key(0) == "name";
    size_t up = named ? 1 : 0;
    if (key(up) == "[]") ++up;
    std::string_view list = key(up);
    size_t level = depth - up;  // 1 at the top, 2 in a job
    bool is_image = list == "image" && key(named ? 1 : 0) != "[]", is_service = list == "services" && key(named ? 1 : 0) == "[]";
    if ((is_image || is_service) && level <= 2) {
      std::string at = path(depth);
      image(at, text, line);
      containers_[at].workload = level == 2 ? "job/" + stack_[0].key : "pipeline";
    }
  }

  void image(const std::string& at, const std::string& text, int line) {
    ImageUse& u = containers_[at];
    u.file = file_;
    u.line = line;
    if (text.empty() || !expand_variables(text, {}, &u.reference)) {
      u.reference.clear();
      if (out_->gaps.size() < 1000)
        out_->gaps.push_back({file_ + ":" + std::to_string(line), "the image '" + text + "' depends on a variable that is not set here"});
    }
  }

  std::string file_;
  ImageUses* out_;
  bool is_gitlab_ = false;
  std::vector<Level> stack_;
  std::map<YAML::anchor_t, std::string> anchors_;
  std::map<std::string, ImageUse> containers_;
  std::string kind_, name_, space_;
};

}  // namespace

Result<ImageUses> uses_in_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaxUsesYaml) return Error{Errc::limit, escape(file) + " is larger than 8 MiB (kMaxUsesYaml)"};
  ImageUses out;
  Documents documents(file, &out);
  std::istringstream in{std::string(text)};
  try {
    YAML::Parser parser(in);
    for (size_t n = 0; n < 10'000 && parser.HandleNextDocument(documents); ++n) {
    }
  } catch (const YAML::Exception& e) {
    return Error{Errc::corrupt, escape(file) + ":" + std::to_string(std::max(e.mark.line + 1, 1)) + ": not valid YAML: " + e.msg};
  }
  return out;
}

}  // namespace careen
