#include "net/http_server.h"

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <thread>

#include "base/text.h"

namespace careen {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

struct Shared {
  ServerOptions options;
  HttpServer::Handler handler;
  std::atomic<size_t> connections{0};
};

// One connection: requests one after another until either side has enough.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, std::shared_ptr<Shared> shared) : stream_(std::move(socket)), shared_(std::move(shared)) { ++shared_->connections; }
  ~Session() { --shared_->connections; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read() {
    parser_.emplace();
    parser_->header_limit(static_cast<uint32_t>(kMaxServedHeader));
    parser_->body_limit(shared_->options.max_body);
    stream_.expires_after(std::chrono::seconds(shared_->options.timeout));
    http::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](beast::error_code ec, size_t) { self->on_read(ec); });
  }

 private:
  void on_read(beast::error_code ec) {
    if (ec == http::error::body_limit) return answer({413, "the body is too long\n"}, false);
    if (ec == http::error::header_limit) return answer({431, "the header is too long\n"}, false);
    if (ec == http::error::end_of_stream || ec == beast::error::timeout) return close();
    if (ec && ec.category() == http::make_error_code(http::error::bad_method).category()) return answer({400, "this is no request of HTTP/1.1\n"}, false);
    if (ec) return close();
    const auto& message = parser_->get();
    ServedRequest request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    for (const auto& field : message) request.headers[lower(std::string(field.name_string()))] = std::string(field.value());
    request.body = message.body();
    bool keep_alive = message.keep_alive();
    answer(shared_->handler(request), keep_alive);
  }

  void answer(const ServedResponse& r, bool keep_alive) {
    response_ = {};
    response_.version(11);
    response_.result(static_cast<unsigned>(r.status));
    response_.set(http::field::content_type, r.content_type);
    response_.set(http::field::server, "careen");
    for (const auto& [name, value] : r.headers) response_.set(name, value);
    response_.body() = r.body;
    response_.keep_alive(keep_alive);
    response_.prepare_payload();
    stream_.expires_after(std::chrono::seconds(shared_->options.timeout));
    http::async_write(stream_, response_, [self = shared_from_this(), keep_alive](beast::error_code ec, size_t) {
      if (ec || !keep_alive) return self->close();
      self->read();
    });
  }

  void close() {
    beast::error_code unused;
    stream_.socket().shutdown(tcp::socket::shutdown_both, unused);
    stream_.close();
  }

  beast::tcp_stream stream_;
  beast::flat_buffer buffer_{kMaxServedHeader + (64 << 10)};
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace

struct HttpServer::Impl {
  asio::io_context io{1};
  tcp::acceptor acceptor{io};
  std::shared_ptr<Shared> shared = std::make_shared<Shared>();
  std::thread thread;

  void accept() {
    acceptor.async_accept([this](beast::error_code ec, tcp::socket socket) {
      if (ec == asio::error::operation_aborted) return;
      // One too many is closed at once; its sender tries again.
      if (!ec && shared->connections < kMaxServedConnections) std::make_shared<Session>(std::move(socket), shared)->read();
      accept();
    });
  }
};

HttpServer::HttpServer() : impl_(std::make_unique<Impl>()) {}

HttpServer::~HttpServer() {
  impl_->io.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

uint16_t HttpServer::port() const {
  beast::error_code unused;
  return impl_->acceptor.local_endpoint(unused).port();
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(const ServerOptions& options, Handler handler) {
  beast::error_code ec;
  auto address = asio::ip::make_address(options.address, ec);
  if (ec) return Error{Errc::usage, "'" + escape(options.address) + "' is no IP address to listen at"};
  std::unique_ptr<HttpServer> s(new HttpServer);
  Impl& m = *s->impl_;
  m.shared->options = options;
  m.shared->handler = std::move(handler);
  tcp::endpoint at(address, options.port);
  m.acceptor.open(at.protocol(), ec);
  if (!ec) m.acceptor.set_option(asio::socket_base::reuse_address(true), ec);
  if (!ec) m.acceptor.bind(at, ec);
  if (!ec) m.acceptor.listen(asio::socket_base::max_listen_connections, ec);
  if (ec) return Error{Errc::io, "cannot listen at " + escape(options.address) + ":" + std::to_string(options.port) + ": " + ec.message()};
  m.accept();
  m.thread = std::thread([&m] { m.io.run(); });
  return s;
}

bool same_secret(std::string_view a, std::string_view b) {
  unsigned char differ = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < a.size(); ++i) differ |= static_cast<unsigned char>(a[i] ^ (b.empty() ? 0 : b[i % b.size()]));
  return differ == 0;
}

}  // namespace careen
