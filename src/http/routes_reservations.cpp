// Nodes that are set aside by the calendar: making reservations, looking at them, taking them back.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "codec/reservation_request.h"
#include "http/routes.h"

namespace mw::http {
namespace {

void list_reservations(const ApiContext& context, const Reply& reply) {
  boost::json::array views;
  read_state(context,
             [&](const State& state, Instant) { views = reservation_views(state, std::nullopt); });
  reply(json_response({{"reservations", std::move(views)}}));
}

void show_reservation(const ApiContext& context, const std::string& name, const Reply& reply) {
  boost::json::array views;
  read_state(context, [&](const State& state, Instant) { views = reservation_views(state, name); });
  if (views.empty()) {
    return reply(error_response(
        Error{ErrorCode::kNotFound, "There is no reservation \"" + name + "\", or it is over."}));
  }
  reply(json_response(views[0]));
}

void make_reservation(ApiContext& context, const Request& request, const Reply& reply) {
  auto spec = parse_reservation_request(request.body);
  if (!spec) return reply(error_response(spec.error()));
  const std::string name = spec->name;
  const auto keep = context.shared_from_this();
  ask(context, ReserveNodes{std::move(*spec), context.options.user}, reply,
      [keep, name](const Answer&, const Reply& to) {
        keep->workers.post([keep, name, to] { show_reservation(*keep, name, to); });
      });
}

void delete_reservation(ApiContext& context, const std::string& name, const Reply& reply) {
  ask(context, ReleaseReservation{name, context.options.user}, reply,
      [](const Answer&, const Reply& to) {
        to(json_response({{"ok", true}}));
      });
}

Route reservation_route(Method method, std::string_view path, std::string_view operation,
                        std::string_view summary) {
  Route route;
  route.method = method;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.parameters = {
      {"reservation", ParameterPlace::kPath, ParameterType::kString, "Name of the reservation."}};
  return route;
}

}  // namespace

std::vector<Route> reservation_routes(ApiContext* context) {
  Route list;
  list.path = "/v1/reservations";
  list.operation = "list_reservations";
  list.summary = "The reservations that are not over.";
  list.runs = Runs::kOnWorker;
  list.responses = {{200, "The reservations, by start.", "ReservationList"}};
  list.handler = [context](const auto&, const Reply& reply) { list_reservations(*context, reply); };

  Route make;
  make.method = Method::kPost;
  make.path = "/v1/reservations";
  make.operation = "make_reservation";
  make.summary = "Sets nodes aside from a start to an end, for jobs that name the reservation.";
  make.request_schema = "ReservationRequest";
  make.responses = {{200, "The reservation, with its nodes.", "ReservationView"},
                    {400, "The request is not a reservation; the message says where.", "Error"},
                    {404, "A node that is listed does not exist.", "Error"},
                    {409, "The name is taken, or so many nodes cannot be had.", "Error"}};
  make.handler = [context](const auto& request, const Reply& reply) {
    make_reservation(*context, *request, reply);
  };

  Route show = reservation_route(Method::kGet, "/v1/reservations/{reservation}", "show_reservation",
                                 "One reservation.");
  show.runs = Runs::kOnWorker;
  show.responses = {{200, "The reservation as it is now.", "ReservationView"},
                    {404, "There is none of that name, or it is over.", "Error"}};
  show.handler = [context](const auto& request, const Reply& reply) {
    show_reservation(*context, std::string(request->text("reservation")), reply);
  };

  Route end = reservation_route(
      Method::kPost, "/v1/reservations/{reservation}/delete", "delete_reservation",
      "Takes a reservation back. Its jobs that run go on, those that wait are cancelled.");
  end.responses = {{200, "It is gone.", "Ok"}, {404, "There is none of that name.", "Error"}};
  end.handler = [context](const auto& request, const Reply& reply) {
    delete_reservation(*context, std::string(request->text("reservation")), reply);
  };
  return {list, make, show, end};
}

}  // namespace mw::http
