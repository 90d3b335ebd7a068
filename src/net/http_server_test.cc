// The server meets its own client, and strangers who send what they like.
#include "net/http_server.h"

#include <gmock/gmock.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "net/http.h"

namespace careen {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ServerTest : public testing::Test {
 protected:
  void serve(ServerOptions options = {}) {
    auto s = HttpServer::listen(options, [this](const ServedRequest& r) {
      last_ = r;
      ++requests_;
      return ServedResponse{r.method == "GET" ? 200 : 202, "echo " + r.target + " " + r.body, "text/plain", {{"X-Name", "careen"}}};
    });
    ASSERT_TRUE(s) << s.error().what;
    server_ = std::move(*s);
  }
  // What comes back for these bytes, until the server closes.
  std::string raw(const std::string& bytes) {
    int fd = connect_to();
    EXPECT_EQ(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
    std::string out = all(fd);
    ::close(fd);
    return out;
  }
  int connect_to() {
    int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(server_->port());
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    return fd;
  }
  static std::string all(int fd) {
    std::string out;
    char part[4096];
    for (ssize_t n = 0; (n = ::recv(fd, part, sizeof part, 0)) > 0;) out.append(part, static_cast<size_t>(n));
    return out;
  }

  std::unique_ptr<HttpServer> server_;
  ServedRequest last_;
  std::atomic<int> requests_{0};
};

TEST_F(ServerTest, AnswersTheClient) {
  serve();
  HttpRequest q;
  q.url = "http://127.0.0.1:" + std::to_string(server_->port()) + "/events?x=1";
  q.headers["X-Ask"] = "me";
  auto r = HttpClient({}).send(q);
  ASSERT_TRUE(r) << r.error().what;
  EXPECT_EQ(r->status, 200);
  EXPECT_EQ(r->body, "echo /events?x=1 ");
  EXPECT_EQ(r->header("x-name"), "careen");
  EXPECT_EQ(last_.headers["x-ask"], "me");
  q.post_form = "a=b";
  r = HttpClient({}).send(q);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->status, 202);
  EXPECT_EQ(last_.body, "a=b");
  EXPECT_EQ(last_.method, "POST");
}

TEST_F(ServerTest, SeveralRequestsOfOneConnection) {
  serve();
  std::string one = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
  std::string answers = raw(one + one + "GET /b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(requests_, 3);
  EXPECT_THAT(answers, HasSubstr("echo /b"));
}

TEST_F(ServerTest, WhatIsTooMuchIsRefused) {
  ServerOptions o;
  o.max_body = 100;
  serve(o);
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + std::string(255, 'x') + "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(raw("GET / HTTP/1.1\r\nX: " + std::string(kMaxServedHeader, 'x')), StartsWith("HTTP/1.1 431"));
  EXPECT_EQ(requests_, 0);
}

TEST_F(ServerTest, WhatIsNoRequestIsRefused) {
  serve();
  for (const char* bytes : {"\x16\x03\x01\x02\x00", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
                            "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "G\x01T / HTTP/1.1\r\n\r\n"}) {
    int fd = connect_to();
    ::send(fd, bytes, std::string(bytes).size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
    std::string answer = all(fd);
    ::close(fd);
    EXPECT_TRUE(answer.empty() || answer.starts_with("HTTP/1.1 400")) << bytes << ": " << answer;
  }
  EXPECT_EQ(requests_, 0);
}

TEST_F(ServerTest, ASlowSenderIsLeft) {
  ServerOptions o;
  o.timeout = 1;
  serve(o);
  int fd = connect_to();
  ::send(fd, "GET / HT", 8, MSG_NOSIGNAL);
  EXPECT_THAT(all(fd), IsEmpty()) << "closed, although nothing more was sent";
  ::close(fd);
}

TEST_F(ServerTest, ManyIdleConnectionsLeaveRoomForNone) {
  serve();
  std::vector<int> idle;
  for (size_t i = 0; i < kMaxServedConnections + 20; ++i) idle.push_back(connect_to());
  int last = idle.back();
  EXPECT_THAT(all(last), IsEmpty()) << "one too many is closed";
  for (int fd : idle) ::close(fd);
  for (int i = 0; i < 100; ++i) {
    std::string answer = raw("GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if (!answer.empty()) {
      EXPECT_THAT(answer, StartsWith("HTTP/1.1 200"));
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  FAIL() << "it answers no more";
}

TEST_F(ServerTest, AddressesThatCannotBeHad) {
  ServerOptions o;
  o.address = "localhost";
  auto s = HttpServer::listen(o, {});
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Errc::usage);
  serve();
  ServerOptions taken;
  taken.port = server_->port();
  EXPECT_TRUE(!HttpServer::listen(taken, {}) || taken.port == 0);
  o.address = "192.0.2.1";  // of nobody
  s = HttpServer::listen(o, {});
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Errc::io);
}

TEST_F(ServerTest, EndsWithConnectionsOpen) {
  serve();
  int fd = connect_to();
  server_.reset();
  ::close(fd);
}

TEST(Secrets, AreComparedWhole) {
  EXPECT_TRUE(same_secret("", ""));
  EXPECT_TRUE(same_secret("Bearer a", "Bearer a"));
  EXPECT_FALSE(same_secret("Bearer a", "Bearer b"));
  EXPECT_FALSE(same_secret("", "x"));
  EXPECT_FALSE(same_secret("x", ""));
  EXPECT_FALSE(same_secret("xx", "x"));
}

std::optional<uint64_t> wait_of(const std::string& text) {
  HttpResponse r;
  r.headers["retry-after"] = text;
  return retry_after(r, 784'111'777 - 60);
}

TEST(RetryAfter, SecondsOrADate) {
  EXPECT_EQ(wait_of("120"), 120U);
  EXPECT_EQ(wait_of("0"), 0U);
  EXPECT_EQ(wait_of("Sun, 06 Nov 1994 08:49:37 GMT"), 60U);
  EXPECT_EQ(wait_of("Sun, 06 Nov 1994 08:00:00 GMT"), 0U) << "over already";
  for (const char* text : {"", "soon", "-5", "1.5", "tomorrow", "99999999999999999999999", "Xxx, 99 Abc 1994 99:99:99 GMT"})
    EXPECT_EQ(wait_of(text), std::nullopt) << text;
}

}  // namespace
}  // namespace careen
