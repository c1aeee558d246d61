// What happened and what happens: pages of the journal, or a stream that goes on.
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "http/routes.h"

namespace mw::http {
namespace {

constexpr std::size_t kEventsMax = 10'000;

/// Where to begin: Last-Event-ID is what a stream that broke off sends, and goes before `after`.
Result<EventSeq> position_of(const Request& request) {
  const std::string_view header = request.header("last-event-id");
  if (header.empty()) return EventSeq(request.number("after").value_or(0));
  std::uint64_t seq = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seq);
  if (error != std::errc() || end != header.data() + header.size()) {
    return Error{ErrorCode::kInvalid, "Header Last-Event-ID: expected the number of an event."};
  }
  return EventSeq(seq);
}

Result<EventQuery> query_of(ApiContext& context, const Request& request) {
  const auto after = position_of(request);
  if (!after) return after.error();
  EventQuery query;
  query.after = *after;
  query.limit = request.number("limit").value_or(1000);
  if (const auto job = request.number("job")) query.job = JobId(*job);
  if (request.has("node")) {
    read_state(context, [&](const State& state, Instant) {
      query.node = state.topology->find(request.text("node"));
    });
    if (!query.node) {
      return Error{ErrorCode::kNotFound,
                   "There is no node \"" + std::string(request.text("node")) + "\"."};
    }
  }
  return query;
}

void events(ApiContext& context, const Request& request, const Reply& reply) {
  const auto query = query_of(context, request);
  if (!query) return reply(error_response(query.error()));
  const auto last = context.journal.last_event();
  if (!last) return reply(error_response(last.error()));
  if (query->after > *last) {
    return reply(error_response(Error{
        ErrorCode::kInvalid,
        "Event " + std::to_string(query->after.value()) +
            " has not happened here; the last one is " + std::to_string(last->value()) +
            ". The number is from another control plane's history: begin again with after=0."}));
  }
  const bool follow = request.flag("follow") ||
                      request.header("accept").find("text/event-stream") != std::string_view::npos;
  if (follow) {
    Response response;
    response.content_type = "text/event-stream";
    response.stream =
        make_event_stream({context.feed, context.journal, context.workers, context.names},
                          query->after, {query->job, query->node});
    return reply(std::move(response));
  }
  const auto page = context.journal.events(*query);
  if (!page) return reply(error_response(page.error()));
  boost::json::array views;
  for (const StoredEvent& stored : *page)
    views.push_back(event_view(stored.seq, stored.event, context.names.namer()));
  // A page that is not full has seen everything up to what was the last event before it.
  EventSeq seen = page->size() < query->limit ? *last : query->after;
  if (!page->empty()) seen = std::max(seen, page->back().seq);
  reply(json_response({{"events", std::move(views)}, {"last", seen.value()}}));
}

}  // namespace

std::vector<Route> event_routes(ApiContext* context) {
  Route route;
  route.path = "/v1/events";
  route.operation = "list_events";
  route.summary =
      "Events in order. With `Accept: text/event-stream` or follow=1: server-sent events, from "
      "`after` (or "
      "Last-Event-ID) on, without gap or repetition; the id of each is its sequence number.";
  route.runs = Runs::kOnWorker;
  route.parameters = {
      {"after", ParameterPlace::kQuery, ParameterType::kInteger,
       "Only later ones than this sequence number."},
      {"job", ParameterPlace::kQuery, ParameterType::kInteger, "Only about this job.", 1},
      {"node", ParameterPlace::kQuery, ParameterType::kString, "Only about the node of this name."},
      {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
       "At most so many; 1000 when not given. Not for a stream.", 1, kEventsMax},
      {"follow", ParameterPlace::kQuery, ParameterType::kBoolean, "As a stream."},
      {"Last-Event-ID", ParameterPlace::kHeader, ParameterType::kString,
       "As `after`, for a stream that goes on."},
  };
  route.responses = {
      {200, "A page of events, and where the next begins; or the stream.", "EventList"},
      {404, "There is no such node.", "Error"}};
  route.handler = [context](const auto& request, const Reply& reply) {
    events(*context, *request, reply);
  };
  return {route};
}

}  // namespace mw::http
