// The interface without its sockets: who may ask, what was asked, and what answers it. The server
// joins it to a listener; tests and the fuzzer use it as it is.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/auth.h"
#include "http/event_feed.h"
#include "http/forecast_desk.h"
#include "http/history.h"
#include "http/listener.h"
#include "http/metrics.h"
#include "http/router.h"
#include "http/step_rounds.h"
#include "http/views.h"
#include "http/worker_pool.h"
#include "loop/control_loop.h"
#include "loop/engine.h"
#include "loop/journal.h"
#include "twin/past_forecasts.h"

namespace mw::http {

struct ApiOptions {
  std::string token;                    ///< of the API; not empty
  std::string attempt_key;              ///< for the tokens of attempts
  std::vector<std::string> host_names;  ///< taken in Host headers besides loopback's
  std::string version;
  std::string home;
  std::string store_path;
  std::string user;                       ///< whose token it is: whoever shows it acts as them
  std::function<void()> on_stop;          ///< asked to stop; must not block
  std::size_t workers = 2;                ///< threads for reading the journal, logs and long lists
  Duration forecast_budget = seconds(2);  ///< of wall time for one, where the asker says nothing
  std::size_t forecasts_waiting = 8;      ///< beside the one that is made
  /// How often the control plane asks itself when a waiting job starts, to learn how far its
  /// answers are off; see twin/past_forecasts.h. 0: never.
  Duration forecast_check_every = minutes(10);
  std::size_t events_kept = 16'384;  ///< in memory, for those who follow
};

/// What handlers work with. Shared with callbacks of the loop, which may outlast the server.
struct ApiContext : std::enable_shared_from_this<ApiContext> {
  ApiContext(ApiOptions the_options, ControlLoop& the_loop, Journal& the_journal,
             Engine& the_engine);

  const ApiOptions options;
  ControlLoop& loop;
  Journal& journal;
  Engine& engine;
  const AttemptTokens tokens;
  const UserTokens users;
  WorkerPool workers;
  ForecastDesk forecasts;
  PastForecasts past_forecasts;  ///< only touched at the desk
  NodeNames names;
  EventFeed feed;
  History history;
  StepRounds step_rounds;
  HttpMetrics metrics;
  const Instant started_at;
  // Set before the first request, by whoever owns the listener and the table.
  std::string url;
  std::function<ListenerStats()> listener_stats;
  const Router* router = nullptr;
};

class Api final : public RequestHandler {
 public:
  /// REQUIRES: the loop was started, and outlives this.
  Api(ApiOptions options, ControlLoop& loop, Journal& journal, Engine& engine);
  ~Api() override;

  std::optional<Response> admit(Request& head) override;
  void handle(std::shared_ptr<const Request> request, Reply reply) override;
  void finished(const Request* head, int status, Duration took) override;

  /// Finishes what workers do; events are not followed any more. Safe to call twice.
  void stop();

  [[nodiscard]] ApiContext& context() { return *context_; }
  [[nodiscard]] const Router& router() const { return router_; }

 private:
  std::shared_ptr<ApiContext> context_;
  Router router_;
};

/// None when the request's Host and Origin are this server's.
std::optional<Response> check_names(const std::vector<std::string>& host_names,
                                    const Request& request);
/// None when the request shows a token that its route takes; fills in its caller.
/// REQUIRES: request.route is set.
std::optional<Response> check_caller(std::string_view api_token, const AttemptTokens& tokens,
                                     const UserTokens& users, Request& request);

}  // namespace mw::http
