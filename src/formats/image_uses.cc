#include "formats/image_uses.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "formats/json_members.h"
#include "oci/manifest.h"

namespace careen {
namespace {

using Json = nlohmann::json;

void append_texts(const Json& list, std::vector<std::string>* out) {
  if (list.is_array())
    for (const Json& v : list)
      if (v.is_string()) out->push_back(v.get<std::string>());
}

// The digest in docker.io/library/nginx@sha256:…, docker-pullable://…@sha256:… or sha256:….
std::string digest_in(const std::string& id) {
  size_t at = id.rfind("sha256:");
  if (at == std::string::npos || (at != 0 && id[at - 1] != '@' && id[at - 1] != '/')) return "";
  std::string d = id.substr(at);
  return d.size() == 71 && d.find_first_not_of("0123456789abcdef", 7) == std::string::npos ? d : "";
}

class JsonReader {
 public:
  explicit JsonReader(std::string file) : file_(std::move(file)) {}

  Result<ImageUses> read(const Json& j) {
    if (j.is_array()) {
      for (const Json& one : j) docker(one);
    } else if (json_at(j, "items").is_array()) {
      for (const Json& item : json_at(j, "items")) workload(item);
    } else if (!json_text_at(j, "kind").empty()) {
      workload(j);
    } else if (!json_at(j, "Config").is_null()) {
      docker(j);
    } else {
      return Error{Errc::unsupported, escape(file_) + " is neither kubectl's nor docker inspect's JSON"};
    }
    return std::move(out_);
  }

 private:
  void add(ImageUse u) {
    if (u.reference.empty() && u.digest.empty()) {
      gap(u.workload + " names no image");
    } else if (out_.uses.size() < kMaxUses) {
      out_.uses.push_back(std::move(u));
    } else if (out_.uses.size() == kMaxUses) {
      gap("more than 1000000 references (kMaxUses)");
    }
  }
  void gap(const std::string& why) {
    if (out_.gaps.size() < 1000) out_.gaps.push_back({file_, why});
  }

  // A pod, or anything with a pod's template somewhere below.
  void workload(const Json& item) {
    const Json &meta = json_at(item, "metadata"), &owners = json_at(meta, "ownerReferences");
    std::string kind = json_text_at(item, "kind"), name = json_text_at(meta, "name");
    bool is_pod = kind == "Pod" || (kind.empty() && !json_at(item, "status").is_null());
    if (is_pod && owners.is_array() && !owners.empty()) {
      kind = json_text_at(owners[0], "kind");
      name = json_text_at(owners[0], "name");
    }
    const Json* spec = &json_at(item, "spec");
    if (!is_pod)
      for (const char* key : {"jobTemplate", "spec", "template", "spec"})
        if (!json_at(*spec, key).is_null()) spec = &json_at(*spec, key);
    for (const char* list : {"initContainers", "containers", "ephemeralContainers"}) {
      const Json& all = json_at(*spec, list);
      for (size_t i = 0; all.is_array() && i < all.size(); ++i) {
        ImageUse u;
        u.file = file_;
        u.space = json_text_at(meta, "namespace");
        u.workload = (kind.empty() ? "Pod" : kind) + "/" + name;
        u.container = json_text_at(all[i], "name");
        u.reference = json_text_at(all[i], "image");
        append_texts(json_at(all[i], "command"), &u.command);
        append_texts(json_at(all[i], "args"), &u.arguments);
        if (is_pod) status_of(json_at(item, "status"), &u);
        add(std::move(u));
      }
    }
  }

  static void status_of(const Json& status, ImageUse* u) {
    std::string phase = json_text_at(status, "phase");
    u->running = phase == "Running" || phase == "Pending" || phase == "Unknown";
    for (const char* list : {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"}) {
      const Json& all = json_at(status, list);
      for (size_t i = 0; all.is_array() && i < all.size(); ++i)
        if (json_text_at(all[i], "name") == u->container) u->digest = digest_in(json_text_at(all[i], "imageID"));
    }
  }

  // One object of docker inspect: a container, or an image.
  void docker(const Json& j) {
    ImageUse u;
    u.file = file_;
    const Json& config = json_at(j, "Config");
    if (json_at(j, "State").is_null()) {  // an image
      for (const char* key : {"RepoDigests", "RepoTags"})
        if (const Json& names = json_at(j, key); u.reference.empty() && names.is_array() && !names.empty() && names[0].is_string())
          u.reference = names[0].get<std::string>();
      u.digest = digest_in(json_text_at(j, "Id"));
      u.workload = "image";
      return add(std::move(u));
    }
    std::string name = json_text_at(j, "Name");
    u.workload = "container/" + (name.starts_with("/") ? name.substr(1) : name);
    u.reference = json_text_at(config, "Image");
    u.digest = digest_in(json_text_at(j, "Image"));
    std::string state = json_text_at(json_at(j, "State"), "Status");
    u.running = json_at(json_at(j, "State"), "Running") == true || state == "running" || state == "restarting" || state == "paused";
    append_texts(json_at(config, "Entrypoint"), &u.command);
    append_texts(json_at(config, "Cmd"), u.command.empty() ? &u.command : &u.arguments);  // both are what runs, whatever the image says
    add(std::move(u));
  }

  std::string file_;
  ImageUses out_;
};

constexpr size_t kMaxExpanded = 16 << 10;  // no reference is as long; values that hold values grow without end

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

bool expand_variables(std::string_view text, const std::vector<Variable>& known, std::string* out) {
  auto value_of = [&](std::string_view name) -> const std::string* {
    for (size_t i = known.size(); i-- > 0;)
      if (known[i].name == name) return &known[i].value;
    return nullptr;
  };
  out->clear();
  for (size_t i = 0; i < text.size();) {
    if (out->size() > kMaxExpanded) return false;
    if (text[i] != '$') {
      *out += text[i++];
      continue;
    }
    bool braced = i + 1 < text.size() && text[i + 1] == '{';
    size_t begin = i + (braced ? 2 : 1), end = begin;
    while (end < text.size() && is_name(text[end])) ++end;
    const std::string* value = value_of(text.substr(begin, end - begin));
    if (end == begin) return false;
    if (!braced) {
      if (value == nullptr) return false;
      *out += *value;
      i = end;
      continue;
    }
    size_t close = text.find('}', end);
    if (close == std::string_view::npos) return false;
    std::string_view rest = text.substr(end, close - end);
    bool colon = rest.starts_with(':');
    if (colon) rest.remove_prefix(1);
    bool is_set = value != nullptr && !(colon && value->empty());
    if (rest.starts_with('-') && !is_set) {
      if (rest.find('$') != std::string_view::npos) return false;  // a default of a default
      *out += rest.substr(1);
    } else if (rest.starts_with('+')) {
      if (is_set) *out += rest.substr(1);
    } else if (value != nullptr) {
      *out += *value;
    } else {
      return false;
    }
    i = close + 1;
  }
  return true;
}

bool may_use_images(std::string_view name) {
  std::string n = lower(name);
  for (const char* word : {"dockerfile", "containerfile"})
    if (n == word || n.starts_with(std::string(word) + ".") || n.ends_with(std::string(".") + word)) return true;
  return n.ends_with(".yaml") || n.ends_with(".yml");
}

Result<ImageUses> uses_in_json(std::string_view text, const std::string& file) {
  CAREEN_ASSIGN(auto j, parse_json(std::string(text), file));
  return JsonReader(file).read(j);
}

Result<ImageUses> read_image_uses(std::string_view text, const std::string& file) {
  if (text.size() > kMaxUsesFile) return Error{Errc::limit, escape(file) + " is larger than 256 MiB (kMaxUsesFile)"};
  std::string name = lower(base_name(file));
  if (name.ends_with(".yaml") || name.ends_with(".yml")) return uses_in_yaml(text, file);
  std::string_view body = trim(text);
  if (body.starts_with('{') || body.starts_with('[')) return uses_in_json(text, file);
  if (may_use_images(name)) return uses_in_dockerfile(text, file);
  bool is_dockerfile = false;
  each_line(text, [&](std::string_view line) {
    line = trim(line);
    if (line.empty() || line.starts_with('#')) return true;
    std::string word = lower(line.substr(0, line.find_first_of(" \t")));
    is_dockerfile = word == "from" || word == "arg";
    return false;
  });
  return is_dockerfile ? uses_in_dockerfile(text, file) : uses_in_yaml(text, file);
}

}  // namespace careen
