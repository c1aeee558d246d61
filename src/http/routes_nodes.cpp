// The fleet: looking at nodes, and taking them out of use and back.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <limits>

#include "codec/json.h"
#include "http/routes.h"

// g++ 12 sees an uninitialised string in the empty optional that from_json<DrainBody> moves out of
// its Result (GCC bug 105562 and its kin); there is none.
#ifndef __clang__  // which does not know this warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace mw::http {
namespace {

constexpr std::size_t kReasonLengthMax = 500;
constexpr std::size_t kNodesListed = 1'000;  ///< when a request does not say how many
/// In one answer: some 4 MB, and some 20 ms of the lock that acknowledgements wait for.
constexpr std::size_t kNodesListedMax = 10'000;

struct DrainBody {
  std::optional<std::string> reason;
  MW_FIELDS(reason)
};

void list_nodes(const ApiContext& context, const Request& request, const Reply& reply) {
  const std::size_t limit = request.number("limit").value_or(kNodesListed);
  const NodeId first(static_cast<std::uint32_t>(request.number("from").value_or(0)));
  boost::json::array nodes;
  std::size_t all = 0;
  read_state(context, [&](const State& state, Instant) {
    nodes = node_views(state, first, limit);
    all = state.nodes.size();
  });
  const std::uint64_t next = first.value() + nodes.size();
  reply(json_response(
      {{"nodes", std::move(nodes)},
       {"count", all},
       {"next", next < all ? boost::json::value(next) : boost::json::value(nullptr)}}));
}

void show_node(const ApiContext& context, const std::string& name, const Reply& reply) {
  boost::json::array nodes;
  read_state(context, [&](const State& state, Instant) {
    if (const auto id = state.topology->find(name)) nodes = node_views(state, *id, 1);
  });
  if (nodes.empty())
    return reply(error_response(Error{ErrorCode::kNotFound, "There is no node \"" + name + "\"."}));
  reply(json_response(nodes[0]));
}

/// Asks `body`, and replies the node as it is then.
void tell(ApiContext& context, const std::string& node, InputBody body, const Reply& reply) {
  const auto keep = context.shared_from_this();
  ask(context, std::move(body), reply, [keep, node](const Answer&, const Reply& to) {
    keep->workers.post([keep, node, to] { show_node(*keep, node, to); });
  });
}

Route node_route(Method method, std::string_view path, std::string_view operation,
                 std::string_view summary) {
  Route route;
  route.method = method;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.parameters = {{"node", ParameterPlace::kPath, ParameterType::kString, "Name of the node."}};
  route.responses = {{200, "The node as it is now.", "NodeView"},
                     {404, "There is no such node.", "Error"}};
  return route;
}

}  // namespace

Result<std::string> parse_drain(const Request& request) {
  if (request.body.empty()) return std::string();
  auto json = parse_json(request.body);
  if (!json) return json.error();
  auto body = from_json<DrainBody>(*json, "body");
  if (!body) return body.error();
  const std::string reason = body->reason.value_or("");
  bool clean = reason.size() <= kReasonLengthMax;
  for (const char c : reason) clean = clean && static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
  if (!clean)
    return Error{ErrorCode::kInvalid, "body.reason: expected up to 500 bytes on one line."};
  return reason;
}

std::vector<Route> node_routes(ApiContext* context) {
  Route list;
  list.path = "/v1/nodes";
  list.operation = "list_nodes";
  list.summary = "The nodes, a page at a time.";
  list.runs = Runs::kOnWorker;
  list.parameters = {{"limit", ParameterPlace::kQuery, ParameterType::kInteger,
                      "At most so many; 1000 when not given.", 1, kNodesListedMax},
                     {"from", ParameterPlace::kQuery, ParameterType::kInteger,
                      "Only ids from this one on: the last page's `next`.", 0,
                      std::numeric_limits<std::uint32_t>::max()}};
  list.responses = {{200, "The nodes, by id.", "NodeList"}};
  list.handler = [context](const auto& request, const Reply& reply) {
    list_nodes(*context, *request, reply);
  };

  Route show = node_route(Method::kGet, "/v1/nodes/{node}", "show_node", "One node.");
  show.runs = Runs::kOnWorker;
  show.handler = [context](const auto& request, const Reply& reply) {
    show_node(*context, std::string(request->text("node")), reply);
  };

  Route drain = node_route(Method::kPost, "/v1/nodes/{node}/drain", "drain_node",
                           "Gives a node no new work; what runs on it goes on.");
  drain.request_schema = "Drain";
  drain.responses.push_back({409, "It is draining already.", "Error"});
  drain.handler = [context](const auto& request, const Reply& reply) {
    const auto reason = parse_drain(*request);
    if (!reason) return reply(error_response(reason.error()));
    const std::string node(request->text("node"));
    tell(*context, node, DrainNode{node, *reason, context->options.user}, reply);
  };

  Route resume =
      node_route(Method::kPost, "/v1/nodes/{node}/resume", "resume_node", "Ends a drain.");
  resume.responses.push_back({409, "It is not draining.", "Error"});
  resume.handler = [context](const auto& request, const Reply& reply) {
    const std::string node(request->text("node"));
    tell(*context, node, ResumeNode{node, context->options.user}, reply);
  };
  return {list, show, drain, resume};
}

}  // namespace mw::http
