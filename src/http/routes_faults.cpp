// Faults: what is told of them, what is known, and by which policy they are judged.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <mutex>

#include "codec/fault_policy_file.h"
#include "codec/fault_request.h"
#include "codec/json.h"
#include "http/fault_views.h"
#include "http/routes.h"

namespace mw::http {
namespace {

constexpr std::size_t kFaultsListedMax = 10'000;
constexpr std::size_t kFaultsListed = 1'000;

/// Waits for the answers to all faults of one request, and counts what became of them.
struct FaultAnswers {
  std::mutex mutex;
  std::size_t missing = 0;
  std::uint64_t noted = 0;
  std::uint64_t known = 0;  ///< nothing new: repeated, late, or no longer so
  boost::json::array refused;
  std::optional<Response> failure;  ///< nothing was stored
};

boost::json::string error_name(ErrorCode code) {
  const std::string_view name = name_of(code);
  return boost::json::string(name.data(), name.size());
}

/// Which of a request's inputs, and what became of it.
void note_answer(FaultAnswers& answers, std::size_t index, const Result<Answer>& answer) {
  if (!answer) {
    answers.failure = error_response(answer.error());
    return;
  }
  bool news = false;
  for (const Event& event : answer->events) {
    if (const auto* refused = std::get_if<Refused>(&event.body)) {
      answers.refused.push_back({{"index", index},
                                 {"code", error_name(refused->refusal.code)},
                                 {"message", text(refused->refusal)}});
      return;
    }
    news = news || std::holds_alternative<FaultNoted>(event.body) ||
           std::holds_alternative<FaultGone>(event.body);
  }
  ++(news ? answers.noted : answers.known);
}

void take_faults(ApiContext& context, Result<std::vector<InputBody>> inputs, const Reply& reply) {
  if (!inputs) return reply(error_response(inputs.error()));
  if (inputs->empty())
    return reply(json_response({{"noted", 0}, {"known", 0}, {"refused", boost::json::array()}}));
  const auto answers = std::make_shared<FaultAnswers>();
  const std::size_t count = inputs->size();
  answers->missing = count;
  for (std::size_t i = 0; i < count; ++i) {
    context.loop.ask(std::move((*inputs)[i]), [keep = context.shared_from_this(), answers, reply, i,
                                               count](const Result<Answer>& answer) {
      std::unique_lock lock(answers->mutex);
      note_answer(*answers, i, answer);
      if (--answers->missing > 0) return;
      lock.unlock();
      if (answers->failure) return reply(std::move(*answers->failure));
      // A single one that is refused is an error; of many, the others were taken.
      if (count == 1 && !answers->refused.empty()) {
        for (const Event& event : answer->events) {
          if (const auto* refused = std::get_if<Refused>(&event.body)) {
            return reply(error_response(Error{refused->refusal.code, text(refused->refusal)}));
          }
        }
      }
      reply(json_response({{"noted", answers->noted},
                           {"known", answers->known},
                           {"refused", std::move(answers->refused)}}));
    });
  }
}

void show_policy(const ApiContext& context, const Reply& reply) {
  std::shared_ptr<const FaultPolicy> policy;
  read_state(context, [&](const State& state, Instant) { policy = state.health.policy; });
  auto json = parse_json(write_fault_policy(*policy), {.bytes_max = 4 * kFaultPolicyBytesMax});
  reply(json ? json_response(*json) : error_response(json.error()));
}

Route fault_route(Method method, std::string_view path, std::string_view operation,
                  std::string_view summary) {
  Route route;
  route.method = method;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  return route;
}

std::vector<Route> telling_routes(ApiContext* context) {
  Route post =
      fault_route(Method::kPost, "/v1/faults", "post_faults",
                  "Tells of a fault, or of up to 1,000: an object, or {\"faults\": [...]}. "
                  "What was told before, or comes late, is answered as known and changes "
                  "nothing.");
  post.request_schema = "FaultPost";
  post.responses = {{200, "What became of them, durably.", "FaultsTaken"},
                    {400, "It is not a fault; the message says where.", "Error"},
                    {404, "There is no such node, or other place.", "Error"}};
  post.handler = [context](const auto& request, const Reply& reply) {
    take_faults(*context, parse_fault_request(request->body, context->options.user), reply);
  };

  Route alerts = fault_route(Method::kPost, "/v1/faults/alertmanager", "post_alerts",
                             "Takes Alertmanager's webhook (version 4): docs/faults.md says which "
                             "labels make which fault.");
  alerts.request_schema = "Document";
  alerts.responses = {{200, "What became of them, durably.", "FaultsTaken"}};
  alerts.handler = [context](const auto& request, const Reply& reply) {
    take_faults(*context, parse_alertmanager(request->body), reply);
  };
  return {post, alerts};
}

std::vector<Route> looking_routes(ApiContext* context) {
  Route list = fault_route(Method::kGet, "/v1/faults", "list_faults", "The faults that are known.");
  list.runs = Runs::kOnWorker;
  list.parameters = {
      {"node", ParameterPlace::kQuery, ParameterType::kString, "Only of this node."},
      {"all", ParameterPlace::kQuery, ParameterType::kBoolean, "Also those that are over."},
      {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
       "At most so many; 1000 when not given.", 1, kFaultsListedMax}};
  list.responses = {{200, "By place, then code.", "FaultList"}};
  list.handler = [context](const auto& request, const Reply& reply) {
    FaultFilter filter;
    if (!request->text("node").empty()) filter.node = std::string(request->text("node"));
    filter.active_only = !request->flag("all");
    filter.limit = request->number("limit").value_or(kFaultsListed);
    boost::json::object view;
    read_state(*context, [&](const State& state, Instant) {
      view = fault_list(state, filter);
      view["breakers"] = breaker_views(state);
    });
    reply(json_response(std::move(view)));
  };

  Route places = fault_route(Method::kGet, "/v1/faults/places", "list_fault_places",
                             "What is above nodes and can have a fault, by name.");
  places.runs = Runs::kOnWorker;
  places.parameters = {{"scope", ParameterPlace::kQuery, ParameterType::kString,
                        "Only of this kind: rack, leaf, power or site."},
                       {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
                        "At most so many; 1000 when not given.", 1, kFaultsListedMax}};
  places.responses = {{200, "By kind, then in the fleet's order.", "FaultPlaceList"},
                      {400, "There is no such kind.", "Error"}};
  places.handler = [context](const auto& request, const Reply& reply) {
    const std::string_view word = request->text("scope");
    const auto scope = enum_from_name<FaultReach>(word);
    const bool above = scope && *scope > FaultReach::kNode;
    if (!word.empty() && !above) {
      return reply(error_response(Error{
          ErrorCode::kInvalid, "Query parameter scope: expected rack, leaf, power or site."}));
    }
    boost::json::object view;
    read_state(*context, [&](const State& state, Instant) {
      view = fault_places(state, scope, request->number("limit").value_or(kFaultsListed));
    });
    reply(json_response(std::move(view)));
  };

  Route explain =
      fault_route(Method::kGet, "/v1/faults/explain", "explain_fault",
                  "What a code means, what its maker advises, and what is done about it.");
  explain.runs = Runs::kOnWorker;
  explain.parameters = {{"code", ParameterPlace::kQuery, ParameterType::kString, "The code."}};
  explain.responses = {{200, "The rule that counts.", "FaultExplained"},
                       {400, "The code is missing, or none.", "Error"}};
  explain.handler = [context](const auto& request, const Reply& reply) {
    const auto code = parse_fault_code(request->text("code"));
    if (!code) {
      return reply(error_response(
          Error{ErrorCode::kInvalid, "Query parameter code: " + code.error().message + "."}));
    }
    std::shared_ptr<const FaultPolicy> policy;
    read_state(*context, [&](const State& state, Instant) { policy = state.health.policy; });
    reply(json_response(explain_fault(*policy, *code)));
  };
  return {list, places, explain};
}

std::vector<Route> ruling_routes(ApiContext* context) {
  Route show = fault_route(Method::kGet, "/v1/faults/policy", "show_fault_policy",
                           "The policy that faults are judged by.");
  show.runs = Runs::kOnWorker;
  show.responses = {{200, "As a fault policy file.", "FaultPolicyFile"}};
  show.handler = [context](const auto&, const Reply& reply) { show_policy(*context, reply); };

  Route set = fault_route(Method::kPut, "/v1/faults/policy", "set_fault_policy",
                          "Judges faults by another policy from now on. The body is a fault policy "
                          "file in YAML or JSON.");
  set.request_schema = "FaultPolicyFile";
  set.request_content_type = "application/yaml";
  set.responses = {{200, "The policy in force, as a fault policy file.", "FaultPolicyFile"},
                   {413, "The file is too large.", "Error"}};
  set.handler = [context](const auto& request, const Reply& reply) {
    auto input = parse_fault_policy_request(*request, context->options.user);
    if (!input) return reply(error_response(input.error()));
    const auto keep = context->shared_from_this();
    ask(*context, std::move(*input), reply, [keep](const Answer&, const Reply& to) {
      keep->workers.post([keep, to] { show_policy(*keep, to); });
    });
  };

  Route reset = fault_route(Method::kPost, "/v1/faults/breakers/reset", "reset_breaker",
                            "A person has looked: nodes there may be taken out of service by "
                            "themselves again.");
  reset.request_schema = "BreakerPlace";
  reset.responses = {{200, "It is reset.", "Ok"}, {404, "It has not tripped.", "Error"}};
  reset.handler = [context](const auto& request, const Reply& reply) {
    auto input = parse_breaker_reset(*request, context->options.user);
    if (!input) return reply(error_response(input.error()));
    ask(*context, std::move(*input), reply, [](const Answer&, const Reply& to) {
      to(json_response({{"ok", true}}));
    });
  };
  return {show, set, reset};
}

struct BreakerBody {
  BreakerLevel level = BreakerLevel::kSite;
  std::string place;
  MW_FIELDS(level, place)
};

}  // namespace

Result<SetFaultPolicy> parse_fault_policy_request(const Request& request, const std::string& user) {
  auto policy = parse_fault_policy(request.body, "");
  if (!policy) return policy.error();
  return SetFaultPolicy{std::move(*policy), user};
}

Result<ResetBreaker> parse_breaker_reset(const Request& request, const std::string& user) {
  auto json = parse_json(request.body);
  if (!json) return json.error();
  auto body = from_json<BreakerBody>(*json, "body");
  if (!body) return body.error();
  return ResetBreaker{body->level, body->place, user};
}

std::vector<Route> fault_routes(ApiContext* context) {
  std::vector<Route> all;
  for (const auto& part :
       {telling_routes(context), looking_routes(context), ruling_routes(context)}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace mw::http
