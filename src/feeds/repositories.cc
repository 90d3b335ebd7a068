// Red Hat's repository-to-cpe.json: which products the packages of a content set belong to.
#include "base/text.h"
#include "feeds/readers.h"

namespace careen {

Result<void> read_redhat_repositories(Json document, FeedSink& sink) {
  constexpr size_t kMaxProducts = 100, kMaxName = 500;
  constexpr std::string_view kSource = "redhat-repositories";
  Result<void> done;
  json_member(document, "data", [&](Json data) {
    done = json_members(data, [&](std::string_view name, Json repository) -> Result<void> {
      RepositoryProducts r{std::string(name), {}};
      if (name.empty() || name.size() > kMaxName || !is_plain(name)) return sink.refused(std::string(kSource), "a repository without a name");
      (void)static_cast<bool>(json_each(repository, "cpes", [&](Json c) {
        std::string_view cpe = json_text(c);
        bool red_hat = cpe.starts_with("cpe:/o:redhat:") || cpe.starts_with("cpe:/a:redhat:");
        if (red_hat && cpe.size() < kMaxName && is_plain(cpe) && r.products.size() < kMaxProducts) r.products.emplace_back(cpe.substr(14));
      }));
      return r.products.empty() ? Result<void>{} : sink.repository(std::string(kSource), r);
    });
  });
  return done;
}

}  // namespace careen
