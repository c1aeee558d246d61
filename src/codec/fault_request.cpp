#include "codec/fault_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "codec/fault_policy_file.h"
#include "codec/json.h"
#include "codec/timestamp.h"

// g++ 12 sees an uninitialised string in the empty optionals of what from_json moves out of its
// Result (GCC bug 105562 and its kin); there is none.
#ifndef __clang__  // which does not know this warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace mw {
namespace {

namespace json = boost::json;

struct FaultBody {
  std::string code;
  std::optional<std::string> node;
  std::optional<std::string> rack;
  std::optional<std::string> leaf;
  std::optional<std::string> power;
  std::optional<std::string> site;
  std::optional<std::uint32_t> device;
  std::optional<JobId> job;
  std::optional<AttemptNumber> attempt;
  std::optional<Rank> rank;
  std::optional<std::uint64_t> count;
  std::optional<FaultyPart> component;
  std::optional<FaultSeverity> severity;
  std::optional<std::string> detail;
  std::optional<std::string> source;
  std::optional<std::uint64_t> sequence;
  std::optional<std::string> at;
  std::optional<bool> cleared;
  MW_FIELDS(code, node, rack, leaf, power, site, device, job, attempt, rank, count, component,
            severity, detail, source, sequence, at, cleared)
};

Error fault(std::string_view field, std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("{}: {}", field, what)};
}

bool is_clean(std::string_view text) {
  return text.size() <= kFaultTextBytesMax && std::none_of(text.begin(), text.end(), [](char c) {
           return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
         });
}

/// Exactly one place, of the right kind.
Result<void> read_place(const FaultBody& body, FaultReport& report) {
  const std::pair<const std::optional<std::string>*, FaultReach> named[] = {
      {&body.node, body.device ? FaultReach::kAccelerator : FaultReach::kNode},
      {&body.rack, FaultReach::kRack},
      {&body.leaf, FaultReach::kLeaf},
      {&body.power, FaultReach::kPower},
      {&body.site, FaultReach::kSite}};
  int places = body.job ? 1 : 0;
  if (body.job) {
    report.scope = FaultReach::kJob;
    report.job = *body.job;
    report.attempt = body.attempt.value_or(AttemptNumber());
  }
  for (const auto& [name, scope] : named) {
    if (!*name) continue;
    ++places;
    report.scope = scope;
    report.place = **name;
    if (report.place.empty() || !is_clean(report.place)) {
      return fault(name_of(scope), "expected a name on one line");
    }
  }
  if (places != 1) {
    return fault("place", fmt::format("expected exactly one of node, rack, leaf, power, site and "
                                      "job, found {}",
                                      places));
  }
  if (body.device && !body.node) return fault("device", "expected a node with it");
  if (body.job.has_value() != body.attempt.has_value()) {
    return fault("attempt", "expected job and attempt together");
  }
  if (body.rank && !body.job) return fault("rank", "expected a job with it");
  return {};
}

Result<InputBody> read_fault(const FaultBody& body, const std::string& user) {
  FaultReport report;
  const auto code = parse_fault_code(body.code);
  if (!code) return fault("code", code.error().message);
  report.code = *code;
  if (auto placed = read_place(body, report); !placed) return placed.error();
  report.device = body.device;
  report.rank = body.rank;
  report.count = body.count.value_or(1);
  if (report.count > 1'000'000'000) {
    return fault("count", "expected a number from 0 (it still holds) to 1000000000");
  }
  report.component = body.component;
  report.severity = body.severity;
  report.detail = body.detail.value_or("");
  if (!is_clean(report.detail)) return fault("detail", "expected up to 500 bytes on one line");
  report.source = body.source.value_or(user);
  if (report.source.empty() || !is_clean(report.source)) {
    return fault("source", "expected a name on one line");
  }
  report.sequence = body.sequence.value_or(0);
  if (body.at) {
    const auto at = parse_timestamp(*body.at);
    if (!at) return fault("at", at.error().message);
    report.at = *at;
  }
  if (!body.cleared.value_or(false)) return InputBody(FaultReported{std::move(report)});
  // Without a source of its own it is a person's word, which counts whenever it was said.
  return InputBody(FaultCleared{std::move(report), body.source ? "" : user});
}

Error in_element(std::size_t index, const Error& error) {
  return {error.code, fmt::format("faults[{}].{}", index, error.message)};
}

// --- Alertmanager -------------------------------------------------------------------------------

std::string label(const json::value& alert, std::string_view group, std::string_view name) {
  const json::value* labels =
      alert.is_object() ? alert.get_object().if_contains({group.data(), group.size()}) : nullptr;
  if (labels == nullptr || !labels->is_object()) return "";
  const json::value* value = labels->get_object().if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return "";
  return {value->get_string().data(), value->get_string().size()};
}
std::string field(const json::value& alert, std::string_view name) {
  const json::value* value =
      alert.is_object() ? alert.get_object().if_contains({name.data(), name.size()}) : nullptr;
  if (value == nullptr || !value->is_string()) return "";
  return {value->get_string().data(), value->get_string().size()};
}

/// The first that is given; an instance without its port.
std::string node_of_alert(const json::value& alert) {
  for (const char* name : {"mw_place", "node", "Hostname", "instance"}) {
    std::string text = label(alert, "labels", name);
    if (text.empty()) continue;
    const std::size_t colon = text.rfind(':');
    const bool port = colon != std::string::npos && colon + 1 < text.size() &&
                      text.find_first_not_of("0123456789", colon + 1) == std::string::npos;
    return std::string_view(name) == "instance" && port ? text.substr(0, colon) : text;
  }
  return "";
}

/// "NodeFilesystemFull!" is "NodeFilesystemFull_": whatever a code may not have is "_".
std::string code_of_alert(const json::value& alert) {
  std::string code = label(alert, "labels", "mw_code");
  if (code.empty()) code = "alert." + label(alert, "labels", "alertname");
  for (char& c : code) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '_' || c == '-' || c == '.';
    if (!fine) c = '_';
  }
  return code;
}

std::string shortened(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = ' ';
  }
  if (text.size() > kFaultTextBytesMax) text.resize(kFaultTextBytesMax);
  return text;
}

Result<InputBody> read_alert(const json::value& alert, const std::string& at) {
  FaultReport report;
  report.source = "alertmanager";
  const auto code = parse_fault_code(code_of_alert(alert));
  if (!code) return fault(at + ".labels.mw_code", code.error().message);
  report.code = *code;
  const std::string scope = label(alert, "labels", "mw_scope");
  const std::string gpu = label(alert, "labels", "gpu");
  if (!gpu.empty() && gpu.size() < 6 && gpu.find_first_not_of("0123456789") == std::string::npos) {
    report.device = static_cast<std::uint32_t>(std::stoul(gpu));
  }
  report.scope = report.device ? FaultReach::kAccelerator : FaultReach::kNode;
  if (!scope.empty()) {
    const auto named = enum_from_name<FaultReach>(scope);
    if (!named || *named == FaultReach::kJob) {
      return fault(
          at + ".labels.mw_scope",
          "expected accelerator, node, rack, leaf, power or site, found \"" + scope + "\"");
    }
    report.scope = *named;
    if (report.scope != FaultReach::kAccelerator) report.device.reset();
  }
  report.place = node_of_alert(alert);
  if (report.place.empty() || !is_clean(report.place)) {
    return fault(at + ".labels", "expected a label mw_place, node, Hostname or instance");
  }
  if (const auto severity = enum_from_name<FaultSeverity>(label(alert, "labels", "severity"))) {
    report.severity = *severity;
  }
  std::string detail = label(alert, "annotations", "summary");
  if (detail.empty()) detail = label(alert, "annotations", "description");
  report.detail = shortened(std::move(detail));
  // What it says is so now, however long ago it began; its beginning, or end, tells one notice
  // from its repetition.
  const bool over = field(alert, "status") == "resolved";
  const std::string_view moment = over ? "endsAt" : "startsAt";
  const auto since = parse_timestamp(field(alert, moment));
  if (!since) return fault(at + "." + std::string(moment), since.error().message);
  report.sequence = static_cast<std::uint64_t>(since->count());
  if (over) return InputBody(FaultCleared{std::move(report), ""});
  return InputBody(FaultReported{std::move(report)});
}

}  // namespace

Result<std::vector<InputBody>> parse_fault_request(std::string_view text, const std::string& user) {
  const auto tree = parse_json(text);
  if (!tree) return tree.error();
  const json::value* list = tree->is_object() ? tree->get_object().if_contains("faults") : nullptr;
  std::vector<InputBody> inputs;
  if (list == nullptr) {
    const auto body = from_json<FaultBody>(*tree, "body");
    if (!body) return body.error();
    auto input = read_fault(*body, user);
    if (!input) return input.error();
    inputs.push_back(std::move(*input));
    return inputs;
  }
  if (tree->get_object().size() != 1 || !list->is_array() || list->get_array().empty() ||
      list->get_array().size() > kFaultsInRequestMax) {
    return fault("faults", fmt::format("expected a list of 1 to {} faults, and nothing beside it",
                                       kFaultsInRequestMax));
  }
  for (std::size_t i = 0; i < list->get_array().size(); ++i) {
    const auto body = from_json<FaultBody>(list->get_array()[i], fmt::format("faults[{}]", i));
    if (!body) return body.error();
    auto input = read_fault(*body, user);
    if (!input) return in_element(i, input.error());
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

Result<std::vector<InputBody>> parse_alertmanager(std::string_view text) {
  const auto tree = parse_json(text);
  if (!tree) return tree.error();
  const json::value* alerts =
      tree->is_object() ? tree->get_object().if_contains("alerts") : nullptr;
  if (alerts == nullptr || !alerts->is_array()) {
    return fault("alerts", "expected a list, as Alertmanager's webhook sends it");
  }
  if (alerts->get_array().size() > kFaultsInRequestMax) {
    return fault("alerts", fmt::format("expected at most {}", kFaultsInRequestMax));
  }
  std::vector<InputBody> inputs;
  for (std::size_t i = 0; i < alerts->get_array().size(); ++i) {
    auto input = read_alert(alerts->get_array()[i], fmt::format("alerts[{}]", i));
    if (!input) return input.error();
    inputs.push_back(std::move(*input));
  }
  return inputs;
}

}  // namespace mw
