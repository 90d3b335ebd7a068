#include "oci/reference.h"

#include "base/text.h"

namespace careen {
namespace {

constexpr std::string_view kTagChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";

bool good_repository(std::string_view s) {
  if (s.empty() || s.size() > 255) return false;
  for (std::string_view part : split(s, '/')) {
    if (part.empty() || part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-") != std::string_view::npos) return false;
    if (std::string_view("._-").find(part.front()) != std::string_view::npos || std::string_view("._-").find(part.back()) != std::string_view::npos)
      return false;
    // Between words stand one '.', one or two '_', or any number of '-'.
    for (size_t i = 1; i < part.size(); ++i) {
      char a = part[i - 1], b = part[i];
      bool both = std::string_view("._-").find(a) != std::string_view::npos && std::string_view("._-").find(b) != std::string_view::npos;
      if (both && (a != b || a == '.' || (a == '_' && i >= 2 && part[i - 2] == '_'))) return false;
    }
  }
  return true;
}

bool good_host(std::string_view s) {
  if (s.starts_with('[')) return s.find_first_not_of("[]:.0123456789abcdefABCDEF") == std::string_view::npos;
  return !s.empty() && s.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-:") == std::string_view::npos;
}

}  // namespace

Result<Reference> Reference::parse(std::string_view text) {
  auto wrong = [&](std::string_view why) { return Error{Errc::usage, "'" + escape(text) + "' is not an image reference: " + std::string(why)}; };
  if (text.size() > 1024) return wrong("too long");
  Reference r;
  std::string_view rest = text;
  if (size_t at = rest.find('@'); at != std::string_view::npos) {
    auto d = Digest::parse(rest.substr(at + 1));
    if (!d) return wrong("what follows @ must be sha256: and 64 hex digits");
    r.digest = *d;
    rest = rest.substr(0, at);
  }
  size_t slash = rest.find('/');
  std::string_view first = rest.substr(0, slash);
  if (slash != std::string_view::npos && (first.find_first_of(".:[") != std::string_view::npos || first == "localhost" ||
                                          first.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos)) {
    r.host = first;
    rest.remove_prefix(slash + 1);
  } else {
    r.host = "docker.io";
  }
  if (r.host == "index.docker.io") r.host = "docker.io";
  if (!good_host(r.host)) return wrong("the registry's name has characters that a host name cannot have");
  if (size_t colon = rest.rfind(':'); colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    r.tag = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
    if (r.tag.empty() || r.tag.size() > 128 || r.tag.find_first_not_of(kTagChars) != std::string::npos || r.tag.front() == '.' || r.tag.front() == '-')
      return wrong("the tag after : has characters that a tag cannot have");
  } else if (r.digest.empty()) {
    r.tag = "latest";
  }
  r.repository = rest;
  if (r.host == "docker.io" && r.repository.find('/') == std::string::npos) r.repository = "library/" + r.repository;
  if (!good_repository(r.repository)) return wrong("a repository is lower-case words joined by / . _ -");
  return r;
}

std::string Reference::text() const {
  std::string s = host + "/" + repository;
  if (!tag.empty()) s += ":" + tag;
  if (!digest.empty()) s += "@" + digest.text();
  return s;
}

Result<Platform> Platform::parse(std::string_view text) {
  auto parts = split(text, '/');
  if (parts.size() < 2 || parts.size() > 3 || parts[0].empty() || parts[1].empty())
    return Error{Errc::usage, "'" + escape(text) + "' is not a platform: write os/arch or os/arch/variant, as linux/arm64"};
  Platform p{lower(parts[0]), lower(parts[1]), parts.size() == 3 ? lower(parts[2]) : ""};
  if (p.architecture == "x86_64" || p.architecture == "x86-64") p.architecture = "amd64";
  if (p.architecture == "aarch64") p.architecture = "arm64";
  if (p.architecture == "i386" || p.architecture == "i686") p.architecture = "386";
  return p;
}

Platform Platform::of_this_machine() {
#if defined(__x86_64__)
  return {"linux", "amd64", ""};
#elif defined(__aarch64__)
  return {"linux", "arm64", ""};
#elif defined(__arm__)
  return {"linux", "arm", "v7"};
#elif defined(__powerpc64__)
  return {"linux", "ppc64le", ""};
#elif defined(__s390x__)
  return {"linux", "s390x", ""};
#elif defined(__riscv)
  return {"linux", "riscv64", ""};
#else
  return {"linux", "386", ""};
#endif
}

std::string Platform::text() const {
  return variant.empty() ? os + "/" + architecture : os + "/" + architecture + "/" + variant;
}

bool Platform::wants(const Platform& have) const {
  auto plain = [](const Platform& p) { return p.architecture == "arm64" && p.variant == "v8" ? "" : p.variant; };
  return os == have.os && architecture == have.architecture && (plain(*this).empty() || plain(*this) == plain(have));
}

}  // namespace careen
