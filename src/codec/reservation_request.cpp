#include "codec/reservation_request.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "codec/json.h"
#include "codec/timestamp.h"
#include "codec/units.h"

// g++ 12 sees an uninitialised string in the empty optionals of what from_json moves out of its
// Result (GCC bug 105562 and its kin); there is none.
#ifndef __clang__  // which does not know this warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace mw {
namespace {

struct RequestBody {
  std::string name;
  std::optional<std::string> start;
  std::string duration;
  std::optional<std::int64_t> nodes;
  std::optional<std::string> type;
  std::optional<std::string> site;
  std::optional<std::vector<std::string>> node_list;
  std::optional<std::vector<std::string>> tenants;
  std::optional<std::vector<std::string>> users;
  std::optional<std::string> reason;
  std::optional<bool> force;
  MW_FIELDS(name, start, duration, nodes, type, site, node_list, tenants, users, reason, force)
};

Error fault(std::string_view field, std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("{}: {}", field, what)};
}

/// Text for people, on one line.
bool is_clean(std::string_view text) {
  bool clean = text.size() <= kReservationReasonMax;
  for (const char c : text) clean = clean && static_cast<unsigned char>(c) >= ' ' && c != '\x7f';
  return clean;
}

Result<std::vector<std::string>> names(std::string_view field,
                                       const std::optional<std::vector<std::string>>& given) {
  std::vector<std::string> found;
  if (!given) return found;
  if (given->size() > kReservationListMax) {
    return fault(field,
                 fmt::format("expected at most {}, found {}", kReservationListMax, given->size()));
  }
  for (const std::string& each : *given) {
    auto name = parse_name(each);
    if (!name) {
      return fault(field, fmt::format("{}, found {}", name.error().message, in_quotes(each)));
    }
    found.push_back(std::move(*name));
  }
  return found;
}

Result<void> read_times(const RequestBody& body, ReservationSpec& spec) {
  if (body.start && *body.start != "now") {
    const auto start = parse_timestamp(*body.start);
    if (!start) {
      return fault("start", fmt::format("{} or now, found {}", start.error().message,
                                        in_quotes(*body.start)));
    }
    spec.start = *start;
  }
  const auto length = parse_duration(body.duration, seconds(1), kReservationDurationMax);
  if (!length) {
    return fault("duration",
                 fmt::format("{}, found {}", length.error().message, in_quotes(body.duration)));
  }
  spec.duration = *length;
  return {};
}

Result<void> read_nodes(const RequestBody& body, ReservationSpec& spec) {
  auto list = names("node_list", body.node_list);
  if (!list) return list.error();
  spec.node_list = std::move(*list);
  if (body.nodes.has_value() == !spec.node_list.empty()) {
    return fault("nodes", "expected either how many nodes, or their names in node_list");
  }
  if (!body.nodes) {
    if (!body.type && !body.site) return {};
    return fault(body.type ? "type" : "site",
                 "it says which nodes are chosen, and these are listed");
  }
  if (*body.nodes < 1 || *body.nodes > kReservedNodesMax) {
    return fault("nodes",
                 fmt::format("expected 1 to {}, found {}", kReservedNodesMax, *body.nodes));
  }
  spec.nodes = static_cast<std::uint32_t>(*body.nodes);
  for (const auto& [field, from, to] : {std::tuple{"type", &body.type, &spec.accelerator_type},
                                        std::tuple{"site", &body.site, &spec.site}}) {
    if (!*from) continue;
    auto name = parse_name(**from);
    if (!name) {
      return fault(field, fmt::format("{}, found {}", name.error().message, in_quotes(**from)));
    }
    *to = std::move(*name);
  }
  return {};
}

}  // namespace

Result<ReservationSpec> parse_reservation_request(std::string_view text) {
  auto json = parse_json(text);
  if (!json) return json.error();
  const auto body = from_json<RequestBody>(*json, "body");
  if (!body) return body.error();
  ReservationSpec spec;
  auto name = parse_name(body->name);
  if (!name) {
    return fault("name", fmt::format("{}, found {}", name.error().message, in_quotes(body->name)));
  }
  spec.name = std::move(*name);
  if (auto ok = read_times(*body, spec); !ok) return ok.error();
  if (auto ok = read_nodes(*body, spec); !ok) return ok.error();
  auto tenants = names("tenants", body->tenants);
  if (!tenants) return tenants.error();
  spec.tenants = std::move(*tenants);
  auto users = names("users", body->users);
  if (!users) return users.error();
  spec.users = std::move(*users);
  spec.reason = body->reason.value_or("");
  if (!is_clean(spec.reason)) return fault("reason", "expected up to 500 bytes on one line");
  spec.force = body->force.value_or(false);
  return spec;
}

}  // namespace mw
