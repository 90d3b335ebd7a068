#include "feeds/download.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "feeds/walk.h"
#include "formats/json_members.h"

namespace careen {
namespace {

using nlohmann::json;

struct Part {
  std::string file, note;  // names
  Validators validators;
  uint64_t size = 0;
};

// What an earlier attempt left of the same address.
Part open_part(const std::string& directory, const std::string& name, const std::string& url) {
  Part p;
  p.file = directory + "/" + name + ".part";
  p.note = directory + "/" + name + ".json";
  auto text = read_file(p.note, 1 << 16);
  json j = text ? json::parse(*text, nullptr, false) : json();
  struct stat st {};
  if (json_text_at(j, "url") != url || ::stat(p.file.c_str(), &st) != 0) return p;
  p.validators = {json_text_at(j, "etag"), json_text_at(j, "last_modified")};
  if (!p.validators.empty()) p.size = static_cast<uint64_t>(st.st_size);
  return p;
}

void forget(const Part& p) {
  ::unlink(p.file.c_str());
  ::unlink(p.note.c_str());
}

bool may_repeat(const Error& e) {
  return e.code == Errc::network || e.code == Errc::truncated;
}

Result<Download> attempt(const HttpClient& client, const std::string& url, Part& p, const Validators& known) {
  HttpRequest request;
  request.url = url;
  request.max_body = kMaxFeedFile;
  bool resume = p.size != 0;
  if (resume) {
    request.headers["Range"] = "bytes=" + std::to_string(p.size) + "-";
    // A weak validator does not say that the bytes are the same.
    request.headers["If-Range"] = !p.validators.etag.empty() && !p.validators.etag.starts_with("W/") ? p.validators.etag : p.validators.last_modified;
    if (request.headers["If-Range"].empty()) {
      request.headers.erase("If-Range"), request.headers.erase("Range");
      resume = false;
    }
  } else {
    if (!known.etag.empty()) request.headers["If-None-Match"] = known.etag;
    if (!known.last_modified.empty()) request.headers["If-Modified-Since"] = known.last_modified;
  }
  Download out;
  Fd file;
  std::optional<Error> failure;
  uint64_t have = 0;
  request.on_body = [&](const HttpResponse& head, Bytes part) {
    if (!file) {
      bool goes_on = resume && head.status == 206;
      // A server may pass over If-Range: what it sends now must be of the same version, and begin where the part ends.
      bool same = head.header("etag") == p.validators.etag && head.header("last-modified") == p.validators.last_modified;
      bool fits = head.header("content-range").starts_with("bytes " + std::to_string(p.size) + "-");
      if (goes_on && (!same || !fits)) {
        failure = Error{Errc::network, escape(url) + ": the server has another version now"};
        forget(p);
        p.validators = {};
        return false;
      }
      file = Fd(::open(p.file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (goes_on ? O_APPEND : O_TRUNC), 0600));
      if (!file) {
        failure = os_error("cannot write " + escape(p.file), errno);
        return false;
      }
      have = goes_on ? p.size : 0;
      p.validators = {head.header("etag"), head.header("last-modified")};
      auto kept = write_file_atomic(p.note, json{{"url", url}, {"etag", p.validators.etag}, {"last_modified", p.validators.last_modified}}.dump());
      if (!kept) failure = kept.error();
    }
    if (!failure)
      if (auto ok = write_full(file.get(), part); !ok) failure = ok.error();
    have += part.size();
    out.bytes += part.size();
    if (have > kMaxFeedFile) failure = Error{Errc::limit, escape(url) + ": more than " + human_size(kMaxFeedFile)};
    return !failure;
  };
  auto response = client.send(request);
  p.size = p.validators.empty() ? 0 : have;
  if (failure) return *failure;
  if (!response) return response.error();
  if (response->status == 304) {
    out.unchanged = true;
    out.validators = known;
    return out;
  }
  if (response->status == 416) {  // what is there is not a part of what the server has now
    forget(p);
    p.size = 0;
    return Error{Errc::network, escape(url) + ": the server has another version now"};
  }
  if (response->status >= 500 || response->status == 429) return Error{Errc::network, escape(url) + ": the server answers " + std::to_string(response->status)};
  if (response->status >= 400) return Error{Errc::io, escape(url) + ": the server answers " + std::to_string(response->status)};
  if (!file) return Error{Errc::truncated, escape(url) + ": an empty answer"};
  if (auto length = to_number(response->header("content-length")); length && response->header("content-encoding").empty()) {
    uint64_t expected = *length + (resume && response->status == 206 ? have - out.bytes : 0);
    if (have != expected) return Error{Errc::truncated, escape(url) + ": " + std::to_string(have) + " of " + std::to_string(expected) + " bytes came"};
  }
  out.file = p.file;
  out.validators = p.validators;
  ::unlink(p.note.c_str());
  return out;
}

}  // namespace

Result<Download> download(const HttpClient& client, const std::string& url, const std::string& directory, const std::string& name, const Validators& known) {
  Part p = open_part(directory, name, url);
  for (unsigned n = 1;; ++n) {
    auto r = attempt(client, url, p, known);
    if (r || n == kDownloadAttempts || !may_repeat(r.error())) return r;
    ::sleep(n == 1 ? 0 : n);
  }
}

}  // namespace careen
