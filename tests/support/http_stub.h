// A small HTTP server on the loopback for tests of what asks a registry: paths and their answers, and a log of what was asked.
#pragma once
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "blobs.h"

namespace careen::test {

class HttpStub {
 public:
  struct Answer {
    int status = 200;
    std::string body = {}, type = "application/json", digest = {};
  };

  HttpStub() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&a), size) == 0 && ::listen(socket_, 16) == 0 &&
        ::getsockname(socket_, reinterpret_cast<sockaddr*>(&a), &size) == 0)
      port_ = ntohs(a.sin_port);
    answers_["/v2/"] = {};
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpStub() {
    ::shutdown(socket_, SHUT_RDWR);
    thread_.join();
    ::close(socket_);
  }
  HttpStub(const HttpStub&) = delete;
  HttpStub& operator=(const HttpStub&) = delete;

  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  void answer(const std::string& path, const Answer& a) {
    std::lock_guard lock(mutex_);
    answers_[path] = a;
  }
  void forget(const std::string& path) {
    std::lock_guard lock(mutex_);
    answers_.erase(path);
  }
  std::vector<std::string> take_log() {
    std::lock_guard lock(mutex_);
    return std::exchange(log_, {});
  }

  // A repository: its tags by the descriptor that each names, out of a tree of blobs.
  void repository(const std::string& name, const MemoryTree& tree, const std::map<std::string, nlohmann::json>& tags) {
    std::vector<std::string> list;
    for (const auto& [tag, descriptor] : tags) {
      list.push_back(tag);
      manifest(name, tag, tree, descriptor);
    }
    for (const auto& [file, bytes] : tree.files) {
      std::string digest = "sha256:" + file.substr(file.rfind('/') + 1);
      answer("/v2/" + name + "/blobs/" + digest, {200, bytes, "application/octet-stream", ""});
    }
    answer("/v2/" + name + "/tags/list", {200, nlohmann::json{{"name", name}, {"tags", list}}.dump(), "application/json", ""});
  }
  void manifest(const std::string& name, const std::string& tag, const MemoryTree& tree, const nlohmann::json& descriptor) {
    Answer a{200, tree.files.at(blob_file(descriptor)), descriptor["mediaType"], descriptor["digest"]};
    answer("/v2/" + name + "/manifests/" + tag, a);
    answer("/v2/" + name + "/manifests/" + a.digest, a);
  }

 private:
  void serve() {
    for (int c; (c = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(c)) {
      std::string request, part(4096, '\0');
      while (request.find("\r\n\r\n") == std::string::npos) {
        ssize_t n = ::recv(c, part.data(), part.size(), 0);
        if (n <= 0) break;
        request.append(part, 0, static_cast<size_t>(n));
        if (request[0] == '\x16') break;  // TLS is tried first
      }
      if (request.find("\r\n\r\n") == std::string::npos) continue;
      std::string method = request.substr(0, request.find(' ')), path = request.substr(method.size() + 1);
      path = path.substr(0, path.find_first_of(" ?"));
      Answer a{404, R"({"errors":[{"code":"NOT_FOUND"}]})", "application/json", ""};
      {
        std::lock_guard lock(mutex_);
        log_.push_back(method + " " + path);
        if (auto it = answers_.find(path); it != answers_.end()) a = it->second;
      }
      std::string out = "HTTP/1.1 " + std::to_string(a.status) + " X\r\nConnection: close\r\nContent-Type: " + a.type +
                        "\r\nContent-Length: " + std::to_string(a.body.size()) + "\r\n" +
                        (a.digest.empty() ? "" : "Docker-Content-Digest: " + a.digest + "\r\n") + "\r\n" + (method == "HEAD" ? "" : a.body);
      for (size_t at = 0; at < out.size();) {
        ssize_t n = ::send(c, out.data() + at, out.size() - at, MSG_NOSIGNAL);
        if (n <= 0) break;
        at += static_cast<size_t>(n);
      }
    }
  }

  int socket_;
  uint16_t port_ = 0;
  std::mutex mutex_;
  std::map<std::string, Answer> answers_;
  std::vector<std::string> log_;
  std::thread thread_;
};

}  // namespace careen::test
