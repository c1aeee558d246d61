// The policy that is decided by, and the tenants that it is about. A policy is shown as the policy
// file that would set it, so that it can be read, changed and sent back.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "codec/json.h"
#include "codec/policy_file.h"
#include "http/routes.h"

namespace mw::http {
namespace {

void show_policy(const ApiContext& context, const Reply& reply) {
  Policy policy;
  read_state(context, [&](const State& state, Instant) { policy = state.policy; });
  auto json = parse_json(write_policy_file(policy));
  reply(json ? json_response(*json) : error_response(json.error()));
}

void set_policy(ApiContext& context, const Request& request, const Reply& reply) {
  auto input = parse_policy(request, context.options.user);
  if (!input) return reply(error_response(input.error()));
  const auto keep = context.shared_from_this();
  ask(context, std::move(*input), reply, [keep](const Answer&, const Reply& to) {
    keep->workers.post([keep, to] { show_policy(*keep, to); });
  });
}

Route policy_route(Method method, std::string_view operation, std::string_view summary) {
  Route route;
  route.method = method;
  route.path = "/v1/policy";
  route.operation = operation;
  route.summary = summary;
  route.responses = {{200, "The policy in force, as a policy file.", "PolicyFile"}};
  return route;
}

}  // namespace

Result<SetPolicy> parse_policy(const Request& request, const std::string& user) {
  auto policy = parse_policy_file(request.body, "");
  if (!policy) return policy.error();
  return SetPolicy{std::move(*policy), user};
}

std::vector<Route> policy_routes(ApiContext* context) {
  Route show = policy_route(Method::kGet, "show_policy", "The policy that is decided by.");
  show.runs = Runs::kOnWorker;
  show.handler = [context](const auto&, const Reply& reply) { show_policy(*context, reply); };

  Route set = policy_route(
      Method::kPut, "set_policy",
      "Decides by another policy from now on. The body is a policy file in YAML or JSON; what it "
      "does not say is as by default, and not as it was.");
  set.request_schema = "PolicyFile";
  set.request_content_type = "application/yaml";
  set.responses.push_back({413, "The policy file is too large.", "Error"});
  set.handler = [context](const auto& request, const Reply& reply) {
    set_policy(*context, *request, reply);
  };

  Route tenants;
  tenants.path = "/v1/tenants";
  tenants.operation = "list_tenants";
  tenants.summary = "Who uses how much, and may use how much: the tree of tenants.";
  tenants.runs = Runs::kOnWorker;
  tenants.responses = {{200, "The tenants, each before those below it.", "TenantList"}};
  tenants.handler = [context](const auto&, const Reply& reply) {
    boost::json::array views;
    read_state(*context,
               [&](const State& state, Instant now) { views = tenant_views(state, now); });
    reply(json_response({{"tenants", std::move(views)}}));
  };
  return {show, set, tenants};
}

}  // namespace mw::http
