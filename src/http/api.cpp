#include "http/api.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>

#include "http/routes.h"

namespace mw::http {
namespace {

/// Bodies that take longer than this to parse keep others waiting, so workers read them.
constexpr std::size_t kBodyReadAtOnce = std::size_t{8} << 10;

Response refuse(ErrorCode code, std::string message) {
  return error_response(Error{code, std::move(message)});
}

}  // namespace

ApiContext::ApiContext(ApiOptions the_options, ControlLoop& the_loop, Journal& the_journal,
                       Engine& the_engine)
    : options(std::move(the_options)),
      loop(the_loop),
      journal(the_journal),
      engine(the_engine),
      tokens(options.attempt_key),
      users(options.attempt_key),
      workers(options.workers),
      forecasts(options.forecasts_waiting),
      names(the_loop),
      feed(the_loop, options.events_kept),
      history(the_loop, the_journal),
      started_at(the_loop.now()) {
  MW_CHECK(!options.token.empty() && !options.attempt_key.empty());
}

std::optional<Response> check_names(const std::vector<std::string>& host_names,
                                    const Request& request) {
  const std::string_view host = request.header("host");
  if (request.header_count("host") > 1 || (host.empty() && !request.is_http_1_0)) {
    return refuse(ErrorCode::kInvalid, "A request has exactly one Host header.");
  }
  const std::string_view name = host_without_port(host);
  if (!host.empty() && !is_loopback_host(name) &&
      std::find(host_names.begin(), host_names.end(), name) == host_names.end()) {
    return refuse(ErrorCode::kForbidden,
                  "The name in the Host header is not one of this server's: use 127.0.0.1, "
                  "[::1] or localhost.");
  }
  // A browser names the page that asks; only pages that this server itself gave out may.
  const std::string_view origin = request.header("origin");
  if (request.header_count("origin") > 0 &&
      (host.empty() || origin != "http://" + std::string(host))) {
    return refuse(ErrorCode::kForbidden, "Pages of another origin may not ask here.");
  }
  return std::nullopt;
}

std::optional<Response> check_caller(std::string_view api_token, const AttemptTokens& tokens,
                                     const UserTokens& users, Request& request) {
  const Access access = request.route->access;
  if (access == Access::kOpen) return std::nullopt;
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view header = request.header("authorization");
  if (header.empty()) {
    return refuse(ErrorCode::kUnauthenticated,
                  "This needs a token: the header \"Authorization: Bearer TOKEN\", with "
                  "the content of the file `token` in the control plane's home.");
  }
  bool is_bearer = header.size() > kScheme.size() && request.header_count("authorization") == 1;
  for (std::size_t i = 0; is_bearer && i < kScheme.size(); ++i) {
    const char c = header[i];
    is_bearer = (c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c) == kScheme[i];
  }
  const std::string_view token = is_bearer ? header.substr(kScheme.size()) : std::string_view();
  if (is_bearer && equal_in_constant_time(token, api_token)) return std::nullopt;
  if (const auto claim = is_bearer ? tokens.check(token) : std::nullopt) {
    if (access == Access::kReport) {
      request.caller = {claim->job, claim->attempt};
      return std::nullopt;
    }
    return refuse(ErrorCode::kForbidden, "An attempt's token is for POST /v1/report only.");
  }
  if (auto user = is_bearer ? users.check(token) : std::nullopt) {
    const bool looks = request.route->method == Method::kGet;
    if (access == Access::kToken && (looks || request.route->for_users)) {
      request.caller.user = std::move(*user);
      return std::nullopt;
    }
    return refuse(ErrorCode::kForbidden,
                  "A user's token is for looking, and for jobs of one's own; this takes the token "
                  "of the control plane's owner.");
  }
  return refuse(ErrorCode::kUnauthenticated,
                "The token is not this control plane's. It stands in the file `token` in "
                "its home; another control plane has another one.");
}

Api::Api(ApiOptions options, ControlLoop& loop, Journal& journal, Engine& engine)
    : context_(std::make_shared<ApiContext>(std::move(options), loop, journal, engine)),
      router_(all_routes(context_.get())) {
  context_->router = &router_;
  context_->feed.start();
  context_->history.start();
  check_forecasts(*context_);
}

Api::~Api() { stop(); }

void Api::stop() {
  context_->feed.stop();
  context_->history.stop();
  context_->forecasts.stop();
  context_->workers.stop();
}

std::optional<Response> Api::admit(Request& head) {
  if (auto refusal = check_names(context_->options.host_names, head)) return refusal;
  if (auto refusal = router_.match(head)) return refusal;
  if (auto refusal =
          check_caller(context_->options.token, context_->tokens, context_->users, head)) {
    return refusal;
  }
  const std::string_view coding = head.header("content-encoding");
  if (!coding.empty() && coding != "identity") {
    return error_response(
        415, Error{ErrorCode::kUnsupported, "Compressed bodies are not taken; send it as it is."});
  }
  return std::nullopt;
}

void Api::handle(std::shared_ptr<const Request> request, Reply reply) {
  auto work = [request, reply = std::move(reply)] {
    try {
      request->route->handler(request, reply);
    } catch (const std::exception& error) {
      spdlog::error("http: {} failed: {}", request->route->operation, error.what());
      reply(refuse(ErrorCode::kInternal,
                   "This failed in a way that was not expected; the server's log says more."));
    }
  };
  if (request->route->runs == Runs::kOnWorker || request->body.size() > kBodyReadAtOnce) {
    context_->workers.post(std::move(work));
  } else {
    work();
  }
}

void Api::finished(const Request* head, int status, Duration took) {
  const Route* route = head == nullptr ? nullptr : head->route;
  const std::string_view path = route == nullptr ? std::string_view("none") : route->path;
  const std::string_view method =
      route == nullptr ? std::string_view("none") : method_name(route->method);
  context_->metrics.count(path, method, status, took);
  // Never the target or a header: they may hold what is nobody else's business.
  spdlog::debug("http: {} {} {} {} us", method, path, status, took.count() / 1000);
}

}  // namespace mw::http
