// Checks of nodes: what is being checked, and what the checks of a node found over time.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "http/check_views.h"
#include "http/routes.h"

namespace mw::http {
namespace {

constexpr std::size_t kNodesListed = 1'000;
constexpr std::size_t kNodesListedMax = 10'000;
constexpr std::size_t kChecksShown = 100;  ///< of one node, the last ones
constexpr std::size_t kChecksShownMax = 5'000;
constexpr std::size_t kPage = 1'000;

void list_checks(const ApiContext& context, const Request& request, const Reply& reply) {
  const std::size_t limit = request.number("limit").value_or(kNodesListed);
  const NodeId first(static_cast<std::uint32_t>(request.number("from").value_or(0)));
  boost::json::object list;
  read_state(context, [&](const State& state, Instant) { list = check_list(state, first, limit); });
  reply(json_response(std::move(list)));
}

/// A node's last checks, from the journal, and its last measures beside its pool's.
void show_checks(ApiContext& context, const Request& request, const Reply& reply) {
  const std::string name(request.text("node"));
  const std::size_t limit = request.number("limit").value_or(kChecksShown);
  std::optional<NodeId> id;
  boost::json::object view;
  read_state(context, [&](const State& state, Instant) {
    id = state.topology->find(name);
    if (id) view = node_check_view(state, *id);
  });
  if (!id)
    return reply(error_response(Error{ErrorCode::kNotFound, "There is no node \"" + name + "\"."}));
  std::deque<boost::json::object> last;
  std::vector<Measure> measures;
  EventQuery query;
  query.node = *id;
  query.limit = kPage;
  for (bool more = true; more;) {
    const auto page = context.journal.events(query);
    if (!page) return reply(error_response(page.error()));
    for (const StoredEvent& stored : *page) {
      query.after = stored.seq;
      const auto* ended = std::get_if<CheckEnded>(&stored.event.body);
      if (ended == nullptr) continue;
      last.push_back(check_view(stored.event, *ended));
      if (last.size() > limit) last.pop_front();
      if (ended->outcome == CheckOutcome::kPassed) measures = ended->measures;
    }
    more = page->size() == query.limit;
  }
  boost::json::array checks;
  for (boost::json::object& each : last) checks.push_back(std::move(each));
  view["checks"] = std::move(checks);
  read_state(context,
             [&](const State& state, Instant) { view["pool"] = pool_views(state, *id, measures); });
  reply(json_response(std::move(view)));
}

}  // namespace

std::vector<Route> check_routes(ApiContext* context) {
  Route list;
  list.path = "/v1/checks";
  list.operation = "list_checks";
  list.summary =
      "Which programs check nodes, which nodes are being checked, and how the last check "
      "of each node ended.";
  list.runs = Runs::kOnWorker;
  list.parameters = {{"limit", ParameterPlace::kQuery, ParameterType::kInteger,
                      "At most so many nodes; 1000 when not given.", 1, kNodesListedMax},
                     {"from", ParameterPlace::kQuery, ParameterType::kInteger,
                      "Only nodes with ids from this one on: the last page's `next`.", 0,
                      std::numeric_limits<std::uint32_t>::max()}};
  list.responses = {{200, "Nodes by id.", "CheckList"}};
  list.handler = [context](const auto& request, const Reply& reply) {
    list_checks(*context, *request, reply);
  };

  Route show;
  show.path = "/v1/nodes/{node}/checks";
  show.operation = "node_checks";
  show.summary =
      "The last checks of a node with what they measured, and the latest measures beside "
      "those of its pool.";
  show.runs = Runs::kOnWorker;
  show.parameters = {
      {"node", ParameterPlace::kPath, ParameterType::kString, "Name of the node."},
      {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
       "At most so many checks, the last ones; 100 when not given.", 1, kChecksShownMax}};
  show.responses = {{200, "The checks in order of time.", "NodeChecks"},
                    {404, "There is no such node.", "Error"}};
  show.handler = [context](const auto& request, const Reply& reply) {
    show_checks(*context, *request, reply);
  };
  return {list, show};
}

}  // namespace mw::http
