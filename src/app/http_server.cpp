#include "http_server.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <mutex>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <httplib.h>
#include <unistd.h>

#include "canopy/core/error.hpp"
#include "canopy/core/text.hpp"

namespace canopy::app {
namespace {

/// "[::1]" without its brackets.
std::string bare(std::string host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return text::lower(host);
}

/// The host of "host:port".
std::string without_port(std::string const& header) {
  auto const colon = header.rfind(':');
  bool const has_port = colon != std::string::npos &&
                        header.find(']', colon) == std::string::npos &&
                        (header.find(':') == colon || header.starts_with('['));
  return bare(has_port ? header.substr(0, colon) : header);
}

bool is_address(std::string const& host) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1;
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? text::lower(name.data()) : "";
}

HttpRequest request_of(httplib::Request const& request) {
  HttpRequest result;
  result.path = request.path;
  for (auto const& [name, value] : request.params) result.query[name].push_back(value);
  return result;
}

/// By a provider: else httplib packs texts so thoroughly that a large page takes seconds.
void put(HttpResponse const& answer, httplib::Response& response) {
  response.status = answer.status;
  if (answer.body.empty()) return;
  auto const body = std::make_shared<std::string const>(answer.body);
  response.set_content_provider(
      body->size(), answer.type,
      [body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
        return sink.write(body->data() + offset, std::min(length, body->size() - offset));
      });
}

HttpResponse refusal(int status, std::string const& why) {
  return {status, "text/plain; charset=utf-8", why + "\n"};
}

}  // namespace

class HttpServer::Library {
 public:
  Library(std::string host, Answer answer) : host_{std::move(host)}, answer_{std::move(answer)} {
    // Nobody waits long for those who are slow to ask or to go.
    server_.set_keep_alive_max_count(1);
    server_.set_keep_alive_timeout(1);
    server_.set_read_timeout(2);
    server_.set_write_timeout(10);
    server_.set_payload_max_length(8192);
    // httplib would let a second server share the port.
    server_.set_socket_options([](socket_t socket) {
      int const yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    server_.set_default_headers(
        {{"Cache-Control", "no-store"},
         {"X-Content-Type-Options", "nosniff"},
         {"X-Frame-Options", "DENY"},
         {"Referrer-Policy", "no-referrer"},
         {"Cross-Origin-Resource-Policy", "same-origin"},
         {"Content-Security-Policy",
          "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"}});
    server_.set_pre_routing_handler(
        [this](httplib::Request const& request, httplib::Response& response) {
          put(answer_to(request, response), response);
          return httplib::Server::HandlerResponse::Handled;
        });
  }

  int bind(int port) {
    if (port == 0) return server_.bind_to_any_port(host_);
    return server_.bind_to_port(host_, port) ? port : -1;
  }

  void serve(std::function<bool()> const& stop) {
    std::jthread const watch{[&](std::stop_token const& ended) {
      using namespace std::chrono_literals;
      while (!ended.stop_requested() && !(server_.is_running() && stop()))
        std::this_thread::sleep_for(20ms);
      server_.stop();
    }};
    server_.listen_after_bind();
  }

 private:
  HttpResponse answer_to(httplib::Request const& request, httplib::Response& response) {
    if (!is_own_name(request.get_header_value("Host"), host_))
      return refusal(403, "this server does not go by the name '" +
                              request.get_header_value("Host") +
                              "'; ask by localhost, or by what was given to --host");
    if (request.method != "GET" && request.method != "HEAD") {
      response.set_header("Allow", "GET, HEAD");
      return refusal(405, "this server only tells: GET and HEAD");
    }
    if (request.has_header("Range")) return refusal(416, "there are no parts of pages here");
    std::lock_guard const one_at_a_time{mutex_};
    try {
      return answer_(request_of(request));
    } catch (std::exception const& e) {
      return refusal(500, e.what());
    }
  }

  std::string host_;
  Answer answer_;
  std::mutex mutex_;
  httplib::Server server_;
};

HttpServer::HttpServer(std::string const& host, int port, Answer answer)
    : library_{std::make_unique<Library>(bare(host), std::move(answer))} {
  port_ = library_->bind(port);
  if (port_ < 0)
    throw UserError{fmt::format(
        "--port {}: cannot listen there on {}: the port is in use, or the address is not this "
        "machine's; give another one, or 0 for any that is free",
        port, host)};
}

HttpServer::~HttpServer() = default;

void HttpServer::serve(std::function<bool()> const& stop) {
  library_->serve(stop);
}

bool is_loopback(std::string const& host) {
  auto const name = bare(host);
  return name == "localhost" || name == "::1" || (name.starts_with("127.") && is_address(name));
}

bool is_own_name(std::string const& host_header, std::string const& host) {
  auto const name = without_port(host_header);
  if (name == "localhost" || name == "127.0.0.1" || name == "::1" || name == bare(host))
    return !name.empty();
  return !is_loopback(host) && (is_address(name) || name == machine_name());
}

}  // namespace canopy::app
