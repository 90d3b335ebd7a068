#include "source/blob_tree.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/text.h"

namespace careen {
namespace {

class DirectoryTree : public BlobTree {
 public:
  explicit DirectoryTree(std::string path) : path_(std::move(path)) {}

  Result<std::string> text(const std::string& name, uint64_t limit) const override {
    CAREEN_TRY(check(name));
    return read_file(path_ + "/" + name, limit);
  }
  Result<BlobInput> open(const std::string& name) const override {
    CAREEN_TRY(check(name));
    BlobInput in;
    CAREEN_ASSIGN(in.fd, open_read(path_ + "/" + name));
    in.region = true;
    CAREEN_ASSIGN(in.length, file_size(in.fd.get()));
    return in;
  }
  bool has(const std::string& name) const override { return static_cast<bool>(check(name)); }

 private:
  // A FIFO or a device in place of a file would block or worse.
  Result<void> check(const std::string& name) const {
    struct stat st {};
    std::string full = path_ + "/" + name;
    if (::stat(full.c_str(), &st) != 0) return os_error(escape(full), errno);
    if (!S_ISREG(st.st_mode)) return Error{Errc::corrupt, escape(full) + " is not a regular file"};
    return {};
  }
  std::string path_;
};

}  // namespace

std::shared_ptr<BlobTree> open_directory_tree(const std::string& path) {
  return std::make_shared<DirectoryTree>(path);
}

}  // namespace careen
