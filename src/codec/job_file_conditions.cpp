#include "codec/job_file_conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <limits>
#include <string>
#include <vector>

#include "codec/fleet_file_values.h"
#include "codec/job_file_values.h"
#include "codec/timestamp.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 2> kWhereKeys = {"sites", "jurisdictions"};
constexpr std::string_view kAfterExample = "[{afterok: 12}, {afterany: 13}]";

/// The elements of `node`: of a list, or of text with commas between them, as an option of the
/// command line gives it. Anything else is a problem.
std::vector<YamlNode> elements(YamlReader& reader, const YamlNode& node, std::string_view key,
                               std::string_view example) {
  if (node.kind == YamlNode::Kind::kList) return node.children;
  std::vector<YamlNode> parts;
  if (node.kind != YamlNode::Kind::kScalar) {
    reader.problem(node, key,
                   fmt::format("expected a list such as {}, found {}", example, describe(node)));
    return parts;
  }
  std::string_view rest = node.text;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    YamlNode part = node;
    part.text = rest.substr(0, comma);
    parts.push_back(std::move(part));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return parts;
}

/// True when `map.key` may be read: it is there, and not longer than a person would write it.
bool few_enough(YamlReader& reader, const YamlNode& node, std::string_view key, std::size_t found,
                std::size_t most) {
  if (found <= most) return true;
  reader.problem(node, key, fmt::format("expected at most {}, found {}", most, found));
  return false;
}

// --- where --------------------------------------------------------------------------------------

template <class Parse>
void read_places(YamlReader& reader, const YamlNode& where, std::string_view key,
                 std::string_view example, Parse parse, std::vector<std::string>& places) {
  const YamlNode* node = where.find(key);
  if (node == nullptr) return;
  const std::string path = YamlReader::path("where", key);
  const auto found = elements(reader, *node, path, example);
  if (!few_enough(reader, *node, path, found.size(), kWhereMax)) return;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const YamlNode& one = found[i];
    const std::string at = fmt::format("{}[{}]", path, i);
    auto place = parse(one.text);  // the text of a map or a list is empty, and no place
    if (!place) {
      reader.problem(one, at, fmt::format("{}, found {}", place.error().message, describe(one)));
    } else if (std::ranges::find(places, *place) != places.end()) {
      reader.problem(one, at, fmt::format("{} is given twice", in_quotes(*place)));
    } else {
      places.push_back(std::move(*place));
    }
  }
}

void read_where(YamlReader& reader, const YamlNode& root, Whereabouts& where) {
  const YamlNode* group = reader.group(root, "where", "\"sites: [oslo]\"");
  if (group == nullptr) return;
  reader.check_keys(*group, "where", kWhereKeys);
  read_places(reader, *group, "sites", "[oslo, dallas]", parse_name, where.sites);
  read_places(reader, *group, "jurisdictions", "[\"NO\", US-TX]", parse_jurisdiction,
              where.jurisdictions);
}

// --- when ---------------------------------------------------------------------------------------

/// A point in time, or "0" for none: how an option takes back what the file says.
Result<Instant> parse_moment(std::string_view text) {
  if (text == "0") return Instant();
  return parse_timestamp(text);
}

void read_times(YamlReader& reader, const YamlNode& root, JobSpec& spec) {
  reader.read_scalar(root, "", "not_before", spec.not_before, parse_moment);
  reader.read_scalar(root, "", "deadline", spec.deadline, parse_moment);
  if (spec.deadline == Instant() || spec.deadline > spec.not_before) return;
  reader.problem(*root.find("deadline"), "deadline",
                 fmt::format("expected a time after not_before ({}), found {}",
                             write_timestamp(spec.not_before), write_timestamp(spec.deadline)));
}

// --- after what ---------------------------------------------------------------------------------

Result<JobId> parse_job(std::string_view text) {
  const auto id = parse_whole(text, 1, std::numeric_limits<std::int64_t>::max());
  if (id) return JobId(static_cast<std::uint64_t>(*id));
  return Error{ErrorCode::kInvalid, "expected the number of a job, such as 12"};
}

/// "afterok" or "afterany", and which job: {afterok: 12}, "afterok:12", or only "12".
void read_dependency(YamlReader& reader, const YamlNode& node, const std::string& at,
                     std::vector<Dependency>& after) {
  std::string_view kind = name_of(DependencyKind::kAfterOk);
  YamlNode job = node;
  const bool is_map = node.kind == YamlNode::Kind::kMap && node.keys.size() == 1;
  if (is_map) {
    kind = node.keys[0];
    job = node.children[0];
  } else if (node.kind == YamlNode::Kind::kScalar) {
    const std::size_t colon = node.text.find(':');
    if (colon != std::string::npos) {
      kind = std::string_view(node.text).substr(0, colon);
      job.text = node.text.substr(colon + 1);
    }
  } else {
    reader.problem(node, at,
                   fmt::format("expected one of {{afterok: JOB}} and {{afterany: JOB}}, found {}",
                               describe(node)));
    return;
  }
  const auto wanted = enum_from_name<DependencyKind>(kind);
  if (!wanted) {
    const YamlNode key{.position = is_map ? node.key_positions[0] : node.position,
                       .source = node.source};
    reader.problem(key, at, fmt::format("expected afterok or afterany, found {}", in_quotes(kind)));
    return;
  }
  const auto id = parse_job(job.kind == YamlNode::Kind::kScalar ? job.text : "");
  if (!id) {
    reader.problem(job, at, fmt::format("{}, found {}", id.error().message, describe(job)));
    return;
  }
  if (std::ranges::find(after, *id, &Dependency::job) != after.end()) {
    reader.problem(job, at, fmt::format("job {} is given twice", id->value()));
    return;
  }
  after.push_back({*wanted, *id});
}

void read_after(YamlReader& reader, const YamlNode& root, std::vector<Dependency>& after) {
  const YamlNode* node = root.find("after");
  if (node == nullptr) return;
  const auto found = elements(reader, *node, "after", kAfterExample);
  if (!few_enough(reader, *node, "after", found.size(), kAfterMax)) return;
  for (std::size_t i = 0; i < found.size(); ++i) {
    read_dependency(reader, found[i], fmt::format("after[{}]", i), after);
  }
}

boost::json::array texts(const std::vector<std::string>& all) {
  return boost::json::array(all.begin(), all.end());
}

}  // namespace

void read_conditions(YamlReader& reader, const YamlNode& root, JobSpec& spec) {
  read_where(reader, root, spec.where);
  read_times(reader, root, spec);
  read_after(reader, root, spec.after);
  std::string reservation;
  if (root.find("reservation") != nullptr &&
      reader.read_scalar(root, "", "reservation", reservation, parse_name)) {
    spec.reservation = reservation;
  }
}

void write_conditions(const JobSpec& spec, boost::json::object& file) {
  boost::json::object where;
  if (!spec.where.sites.empty()) where["sites"] = texts(spec.where.sites);
  if (!spec.where.jurisdictions.empty()) where["jurisdictions"] = texts(spec.where.jurisdictions);
  if (!where.empty()) file["where"] = std::move(where);
  if (spec.not_before != Instant()) file["not_before"] = write_timestamp(spec.not_before);
  if (spec.deadline != Instant()) file["deadline"] = write_timestamp(spec.deadline);
  boost::json::array after;
  for (const Dependency& one : spec.after) {
    boost::json::object object;
    object[name_of(one.kind)] = one.job.value();
    after.push_back(std::move(object));
  }
  if (!after.empty()) file["after"] = std::move(after);
  if (spec.reservation) file["reservation"] = *spec.reservation;
}

}  // namespace mw
