// The fleet: looking at nodes, and taking them out of use and back.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <limits>

#include "codec/json.h"
#include "codec/units.h"
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
  std::optional<DrainMode> mode;
  std::optional<std::string> deadline;
  MW_FIELDS(reason, mode, deadline)
};
constexpr std::size_t kStoryEventsMax = 5'000;
constexpr std::size_t kStoryPage = 1'000;

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

/// All that has happened to a node, from the journal.
void tell_story(ApiContext& context, const std::string& name, const Reply& reply) {
  std::optional<NodeId> id;
  boost::json::array nodes;
  read_state(context, [&](const State& state, Instant) {
    id = state.topology->find(name);
    if (id) nodes = node_views(state, *id, 1);
  });
  if (!id)
    return reply(error_response(Error{ErrorCode::kNotFound, "There is no node \"" + name + "\"."}));
  boost::json::array events;
  EventQuery query;
  query.node = *id;
  query.limit = kStoryPage;
  bool truncated = false;
  for (bool more = true; more && !truncated;) {
    const auto page = context.journal.events(query);
    if (!page) return reply(error_response(page.error()));
    for (const StoredEvent& stored : *page) {
      query.after = stored.seq;
      truncated = events.size() == kStoryEventsMax;
      if (truncated) break;
      events.push_back(event_view(stored.seq, stored.event, context.names.namer()));
    }
    more = page->size() == query.limit;
  }
  reply(json_response(
      {{"node", std::move(nodes[0])}, {"events", std::move(events)}, {"truncated", truncated}}));
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

/// A way for people to say where a node is to be.
struct NodeMove {
  std::string_view path;
  std::string_view operation;
  NodePhase to;
  std::string_view summary;
};
constexpr NodeMove kNodeMoves[] = {
    {"/v1/nodes/{node}/quarantine", "quarantine_node", NodePhase::kQuarantined,
     "Takes a node out of service until somebody decides; its work is stopped and starts again "
     "elsewhere, unless told otherwise."},
    {"/v1/nodes/{node}/validate", "validate_node", NodePhase::kValidating,
     "Has a node proven anew, once nothing runs there any more."},
    {"/v1/nodes/{node}/retire", "retire_node", NodePhase::kRetired,
     "Takes a node out of service for good, once nothing runs there any more."},
    {"/v1/nodes/{node}/provision", "provision_node", NodePhase::kProvisioning,
     "Something else stands where a retired node was, and is being set up."},
};

Route move_route(ApiContext* context, const NodeMove& move) {
  Route route = node_route(Method::kPost, move.path, move.operation, move.summary);
  route.request_schema = "Drain";
  route.responses.push_back({409, "It is there already, or cannot come there.", "Error"});
  route.handler = [context, to = move.to](const auto& request, const Reply& reply) {
    const auto order = parse_drain(*request);
    if (!order) return reply(error_response(order.error()));
    const std::string node(request->text("node"));
    tell(*context, node,
         MoveNode{node, to, order->reason, context->options.user, order->mode, order->within},
         reply);
  };
  return route;
}

}  // namespace

Result<NodeOrder> parse_drain(const Request& request) {
  NodeOrder order;
  if (request.body.empty()) return order;
  auto json = parse_json(request.body);
  if (!json) return json.error();
  auto body = from_json<DrainBody>(*json, "body");
  if (!body) return body.error();
  order.reason = body->reason.value_or("");
  order.mode = body->mode;
  bool clean = order.reason.size() <= kReasonLengthMax;
  for (const char c : order.reason)
    clean = clean && static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
  if (!clean)
    return Error{ErrorCode::kInvalid, "body.reason: expected up to 500 bytes on one line."};
  if (body->deadline) {
    const auto within = parse_duration(*body->deadline, Duration(0), hours(24 * 365));
    if (!within)
      return Error{ErrorCode::kInvalid, "body.deadline: " + within.error().message + "."};
    order.within = *within;
  }
  return order;
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

  Route story = node_route(Method::kGet, "/v1/nodes/{node}/story", "node_story",
                           "All that has happened to a node: who moved it when and why, its "
                           "faults, and what was done about them.");
  story.responses = {{200, "The node, and its events in order.", "NodeStory"},
                     {404, "There is no such node.", "Error"}};
  story.runs = Runs::kOnWorker;
  story.handler = [context](const auto& request, const Reply& reply) {
    tell_story(*context, std::string(request->text("node")), reply);
  };

  Route drain = node_route(Method::kPost, "/v1/nodes/{node}/drain", "drain_node",
                           "Gives a node no new work; what runs on it leaves as told.");
  drain.request_schema = "Drain";
  drain.responses.push_back({409, "It is draining already, or out of service.", "Error"});
  drain.handler = [context](const auto& request, const Reply& reply) {
    const auto order = parse_drain(*request);
    if (!order) return reply(error_response(order.error()));
    const std::string node(request->text("node"));
    tell(*context, node,
         DrainNode{node, order->reason, context->options.user, order->mode, order->within}, reply);
  };

  Route resume = node_route(Method::kPost, "/v1/nodes/{node}/resume", "resume_node",
                            "Takes a node back into service, as proven.");
  resume.request_schema = "Drain";
  resume.responses.push_back({409, "It is in service, or being repaired.", "Error"});
  resume.handler = [context](const auto& request, const Reply& reply) {
    const auto order = parse_drain(*request);
    if (!order) return reply(error_response(order.error()));
    const std::string node(request->text("node"));
    std::optional<std::string> reason;
    if (!order->reason.empty()) reason = order->reason;
    tell(*context, node, ResumeNode{node, context->options.user, std::move(reason)}, reply);
  };
  std::vector<Route> all = {list, show, story, drain, resume};
  for (const NodeMove& move : kNodeMoves) all.push_back(move_route(context, move));
  return all;
}

}  // namespace mw::http
