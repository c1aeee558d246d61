#include "http/server.h"

#include "http/api.h"
#include "http/listener.h"

namespace mw {

class HttpServer::Impl {
 public:
  Impl(Options options, ControlLoop& loop, Journal& journal, Engine& engine)
      : options_(std::move(options)),
        api_(api_options(options_), loop, journal, engine),
        listener_(listener_options(options_), api_) {
    api_.context().listener_stats = [this] { return listener_.stats(); };
  }
  ~Impl() { stop(); }

  Result<void> start() {
    if (auto bound = listener_.bind(); !bound) return bound;
    url_ = url_of(options_.address, listener_.port());
    api_.context().url = url_;
    listener_.serve();
    return {};
  }
  void stop() {
    // The listener first: a worker's last replies find their connections still there, and after
    // it nobody calls the interface any more.
    listener_.stop();
    api_.stop();
  }
  [[nodiscard]] std::string url() const { return url_; }
  [[nodiscard]] std::uint16_t port() const { return listener_.port(); }

 private:
  static http::ApiOptions api_options(const Options& options) {
    http::ApiOptions api;
    api.token = options.token;
    api.attempt_key = options.attempt_key;
    api.host_names = options.host_names;
    if (options.allow_other_machines) api.host_names.push_back(options.address);
    api.version = options.version;
    api.home = options.home;
    api.store_path = options.store_path;
    api.user = options.user;
    api.on_stop = options.on_stop;
    api.workers = options.workers;
    return api;
  }
  static http::Listener::Options listener_options(const Options& options) {
    return {options.address, options.port, options.allow_other_machines, options.threads,
            options.limits};
  }
  static std::string url_of(const std::string& address, std::uint16_t port) {
    const bool is_v6 = address.find(':') != std::string::npos;
    return "http://" + (is_v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  }

  const Options options_;
  http::Api api_;
  http::Listener listener_;
  std::string url_;
};

HttpServer::HttpServer(Options options, ControlLoop& loop, Journal& journal, Engine& engine)
    : impl_(std::make_unique<Impl>(std::move(options), loop, journal, engine)) {}
HttpServer::~HttpServer() = default;
Result<void> HttpServer::start() { return impl_->start(); }
void HttpServer::stop() { impl_->stop(); }
std::string HttpServer::url() const { return impl_->url(); }
std::uint16_t HttpServer::port() const { return impl_->port(); }

}  // namespace mw
