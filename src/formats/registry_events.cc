#include "formats/registry_events.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "formats/json_members.h"
#include "oci/manifest.h"

namespace careen {
namespace {

using Json = nlohmann::json;

bool is_manifest(const std::string& media_type) {
  return media_type.find(".manifest.") != std::string::npos || media_type.find(".index.") != std::string::npos ||
         media_type.find("manifest.list") != std::string::npos;
}

// One event of distribution: action, target and the request that caused it.
bool distribution(const Json& j, RegistryEvent* e) {
  std::string action = json_text_at(j, "action");
  const Json& target = json_at(j, "target");
  e->removed = action == "delete";
  e->host = json_text_at(json_at(j, "request"), "host");
  e->repository = json_text_at(target, "repository");
  e->tag = json_text_at(target, "tag");
  e->digest = json_text_at(target, "digest");
  std::string type = json_text_at(target, "mediaType");
  bool of_a_blob = e->removed ? !type.empty() && !is_manifest(type) : !is_manifest(type);
  return (action == "push" || e->removed) && !of_a_blob && !e->repository.empty();
}

// One resource of Harbor's: HOST/PROJECT/REPOSITORY:TAG or …@DIGEST.
bool harbor(const Json& resource, const std::string& repository, bool removed, RegistryEvent* e) {
  std::string url = json_text_at(resource, "resource_url");
  size_t slash = url.find('/');
  e->removed = removed;
  e->repository = repository;
  e->tag = json_text_at(resource, "tag");
  e->digest = json_text_at(resource, "digest");
  if (slash != std::string::npos) e->host = url.substr(0, slash);
  if (e->tag.starts_with("sha256:")) e->tag.clear();
  return !repository.empty();
}

}  // namespace

Result<std::vector<RegistryEvent>> read_registry_events(std::string_view text) {
  if (text.size() > kMaxEventsBody) return Error{Errc::limit, "the notification is longer than " + human_size(kMaxEventsBody)};
  CAREEN_ASSIGN(Json j, parse_json(text, "the notification"));
  std::vector<RegistryEvent> out;
  const Json &events = json_at(j, "events"), &resources = json_at(json_at(j, "event_data"), "resources");
  std::string type = json_text_at(j, "type");
  if (events.is_array()) {
    for (const Json& one : events) {
      if (out.size() == kMaxEvents) return Error{Errc::limit, "the notification has more than 10000 events (kMaxEvents)"};
      if (RegistryEvent e; distribution(one, &e)) out.push_back(std::move(e));
    }
    return out;
  }
  if (type.empty() || !json_at(j, "event_data").is_object()) return Error{Errc::unsupported, "neither a notification of distribution nor a webhook of Harbor"};
  if (type != "PUSH_ARTIFACT" && type != "DELETE_ARTIFACT") return out;
  std::string repository = json_text_at(json_at(json_at(j, "event_data"), "repository"), "repo_full_name");
  if (resources.is_array())
    for (const Json& one : resources) {
      if (out.size() == kMaxEvents) return Error{Errc::limit, "the notification has more than 10000 events (kMaxEvents)"};
      if (RegistryEvent e; harbor(one, repository, type == "DELETE_ARTIFACT", &e)) out.push_back(std::move(e));
    }
  return out;
}

}  // namespace careen
