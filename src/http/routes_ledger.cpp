// Where every accelerator-second went.
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "http/routes.h"

namespace mw::http {

std::vector<Route> ledger_routes(ApiContext* context) {
  Route route;
  route.path = "/v1/ledger";
  route.operation = "show_ledger";
  route.summary =
      "Accelerator-time by category and by tenant. The categories add up to the capacity, exactly.";
  route.runs = Runs::kOnWorker;
  route.responses = {{200, "The ledger as of now.", "Ledger"}};
  route.handler = [context](const auto&, const Reply& reply) {
    boost::json::object view;
    read_state(*context, [&](const State& state, Instant now) { view = ledger_view(state, now); });
    reply(json_response(std::move(view)));
  };
  return {route};
}

}  // namespace mw::http
