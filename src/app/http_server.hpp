#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace canopy::app {

struct HttpRequest {
  std::string path;                                       ///< decoded, begins with '/'
  std::map<std::string, std::vector<std::string>> query;  ///< decoded values by name, in order
};

struct HttpResponse {
  int status = 200;
  std::string type = "text/html; charset=utf-8";
  std::string body;
};

/// A server that only tells: GET and HEAD, one answer at a time. Who asks by a name that is not
/// this server's is turned away, or any web page could read it by letting its own name point here
/// (DNS rebinding). Answers may not be kept, framed, or taken for another type than they say.
class HttpServer {
 public:
  using Answer = std::function<HttpResponse(HttpRequest const&)>;

  /// `port` 0 is any free one. UserError when it is in use or `host` is none of this machine's.
  HttpServer(std::string const& host, int port, Answer answer);
  HttpServer(HttpServer const&) = delete;
  HttpServer& operator=(HttpServer const&) = delete;
  ~HttpServer();

  int port() const { return port_; }
  /// Returns soon after `stop` says so; it is asked all the time, on another thread.
  void serve(std::function<bool()> const& stop);

 private:
  class Library;  // keeps httplib out of the headers
  std::unique_ptr<Library> library_;
  int port_ = 0;
};

/// Whether a request with this Host header means a server at `host`: "localhost:8080" does for one
/// on the loopback; where other machines reach it also any address and the name of this machine.
bool is_own_name(std::string const& host_header, std::string const& host);

/// Whether only this machine reaches a server there.
bool is_loopback(std::string const& host);

}  // namespace canopy::app
