// The fleet as a whole: declaring it to a control plane that has no nodes yet, and looking at what
// was declared. A fleet of half a million nodes is a file of a page; it travels as that file and is
// unfolded by the core.
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "codec/fleet_file.h"
#include "codec/json.h"
#include "http/routes.h"

namespace mw::http {
namespace {

void show_fleet(const ApiContext& context, const Reply& reply) {
  std::optional<FleetSpec> fleet;
  read_state(context, [&](const State& state, Instant) { fleet = state.fleet.declared; });
  if (!fleet) {
    return reply(error_response(
        Error{ErrorCode::kNotFound,
              "No fleet is declared here; the nodes are those that the engine reports: see GET "
              "/v1/nodes."}));
  }
  auto json = parse_json(write_fleet_file(*fleet));
  reply(json ? json_response(*json) : error_response(json.error()));
}

Response declared(const std::string& name, const State& state, bool repeated) {
  std::uint64_t accelerators = 0;
  for (std::uint32_t i = 0; i < state.topology->size(); ++i) {
    accelerators += state.topology->shape(NodeId(i)).accelerators;
  }
  return json_response({{"fleet", name},
                        {"nodes", state.nodes.size()},
                        {"accelerators", accelerators},
                        {"repeated", repeated}},
                       repeated ? 200 : 201);
}

void declare(ApiContext& context, const Request& request, const Reply& reply) {
  auto input = parse_fleet(request, context.options.user);
  if (!input) return reply(error_response(input.error()));
  std::string name = input->fleet.name;
  std::optional<Response> known;
  read_state(context, [&](const State& state, Instant) {
    if (state.fleet.declared == input->fleet) known = declared(name, state, true);
  });
  if (known) return reply(std::move(*known));
  const auto keep = context.shared_from_this();
  ask(context, std::move(*input), reply,
      [keep, name = std::move(name)](const Answer&, const Reply& to) {
        keep->workers.post([keep, name, to] {
          read_state(*keep, [&](const State& state, Instant) { to(declared(name, state, false)); });
        });
      });
}

}  // namespace

Result<DeclareFleet> parse_fleet(const Request& request, const std::string& user) {
  auto file = parse_fleet_file(request.body, {});
  if (!file) return file.error();
  return DeclareFleet{std::move(file->fleet), user};
}

std::vector<Route> fleet_routes(ApiContext* context) {
  Route show;
  show.path = "/v1/fleet";
  show.operation = "show_fleet";
  show.summary = "The fleet that was declared, as a fleet file.";
  show.runs = Runs::kOnWorker;
  show.responses = {{200, "The fleet.", "FleetFile"}, {404, "None was declared.", "Error"}};
  show.handler = [context](const auto&, const Reply& reply) { show_fleet(*context, reply); };

  Route set;
  set.method = Method::kPut;
  set.path = "/v1/fleet";
  set.operation = "declare_fleet";
  set.summary =
      "Declares the fleet, once, to a control plane that has no nodes. The body is a fleet file in "
      "YAML or JSON; it names types of the catalogue that is built in.";
  set.runs = Runs::kOnWorker;
  set.request_schema = "FleetFile";
  set.request_content_type = "application/yaml";
  set.body_bytes = kFleetFileBytesMax;
  set.responses = {{201, "It is declared, durably.", "FleetDeclared"},
                   {200, "The very same fleet was declared before.", "FleetDeclared"},
                   {409, "There are nodes already.", "Error"},
                   {413, "The fleet file is too large.", "Error"}};
  set.handler = [context](const auto& request, const Reply& reply) {
    declare(*context, *request, reply);
  };
  return {show, set};
}

}  // namespace mw::http
