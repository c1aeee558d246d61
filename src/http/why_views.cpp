#include "http/why_views.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "codec/json.h"
#include "codec/text.h"
#include "codec/units.h"
#include "core/blockers.h"
#include "core/gang.h"
#include "core/reservations.h"

namespace mw::http {
namespace {

namespace json = boost::json;

/// Named one by one up to this many; the JSON has all of them.
constexpr std::size_t kNamedMax = 8;

std::string list_of_jobs(const std::vector<JobId>& jobs) {
  std::string list;
  for (std::size_t i = 0; i < jobs.size() && i < kNamedMax; ++i) {
    const bool last = i + 1 == std::min(jobs.size(), kNamedMax);
    if (i > 0) list += last && jobs.size() <= kNamedMax ? " and " : ", ";
    list += std::to_string(jobs[i].value());
  }
  if (jobs.size() > kNamedMax) list += fmt::format(" and {} more", jobs.size() - kNamedMax);
  return fmt::format("{} {}", jobs.size() == 1 ? "job" : "jobs", list);
}

std::string sentence(const State& state, const Blockers& blockers, Instant now) {
  if (!blockers.jobs.empty()) {
    std::string text = fmt::format("It would start if {} ended", list_of_jobs(blockers.jobs));
    if (blockers.by) {
      const auto seconds_left =
          std::max<std::int64_t>((*blockers.by - now).count(), 0) / seconds(1).count();
      text += fmt::format(", which is in {} at the latest", write_duration(seconds(seconds_left)));
    }
    return text + ".";
  }
  if (!blockers.claims.empty()) {
    return fmt::format("It would start if nothing were kept for {}.",
                       list_of_jobs(blockers.claims));
  }
  if (!blockers.reservations.empty()) {
    return fmt::format("It would start if there were no reservation {}.",
                       blockers.reservations.front());
  }
  if (blockers.nodes.empty()) return {};
  return fmt::format(
      "No end of jobs would do. {} of the nodes that it could use {} out of use, {} "
      "among them.",
      blockers.nodes.size(), blockers.nodes.size() == 1 ? "is" : "are",
      state.topology->name(blockers.nodes.front()));
}

json::array ids(const std::vector<JobId>& jobs) {
  json::array array;
  for (const JobId each : jobs) array.push_back(each.value());
  return array;
}

/// What tells reasons apart that differ in more than their figures.
std::string group_of(const PendingReason& reason) {
  return std::visit(
      [](const auto& body) {
        std::string group(body.kKind);
        if constexpr (requires { body.place; }) group += " " + body.place;
        if constexpr (requires { body.reservation; }) group += " " + body.reservation;
        if constexpr (requires { body.tenant; }) group += " " + body.tenant;
        if constexpr (requires { body.resource; })
          group += " " + std::string(name_of(body.resource));
        return group;
      },
      reason);
}

struct Waiting {
  PendingReason reason;
  std::uint64_t jobs = 0;
  AcceleratorShare accelerators;
  JobId example;
};

}  // namespace

json::object blockers_view(const State& state, JobId job, Instant now) {
  const Blockers blockers = blockers_of(state, job, now);
  json::array nodes;
  for (const NodeId each : blockers.nodes) nodes.push_back(json::value(state.topology->name(each)));
  return {{"jobs", ids(blockers.jobs)},
          {"by_ns", blockers.by ? json::value(blockers.by->count()) : json::value(nullptr)},
          {"claims", ids(blockers.claims)},
          {"nodes", std::move(nodes)},
          {"reservations", json::array(blockers.reservations.begin(), blockers.reservations.end())},
          {"text", sentence(state, blockers, now)}};
}

json::object queue_reasons_view(const State& state, Instant now) {
  std::map<std::string, Waiting> groups;
  const auto add = [&](const PendingReason& reason, JobId example, std::uint64_t jobs) {
    Waiting& group = groups[group_of(reason)];
    if (group.jobs == 0) {
      group.reason = reason;
      group.example = example;
    }
    group.jobs += jobs;
    group.accelerators +=
        least_need(spec_of(state, example)).accelerators * static_cast<std::int64_t>(jobs);
  };
  state.classes.for_each_line([&](ClassId id) {
    const JobClass& line = state.classes.at(id);
    const auto told = state.blocked.find(line.told);
    const PendingReason reason =
        told == state.blocked.end() ? PendingReason(NotYetConsidered{}) : told->second;
    add(reason, line.line.front(), line.line.size());
  });
  for (const auto& [id, record] : state.records) {
    if (record.eligible || record.unfinished == 0) continue;
    const Reservation* own = reservation_of(state, *record.spec);
    if (own != nullptr && !own->begun) {
      add(AwaitsReservation{own->spec.name, own->spec.start}, id, record.unfinished);
    } else if (record.awaits.empty()) {
      add(AwaitsTime{record.spec->not_before}, id, record.unfinished);
    } else {
      add(AwaitsJobs{{record.awaits.front().job}}, id, record.unfinished);
    }
  }
  std::vector<Waiting> order;
  std::uint64_t waiting = 0;
  for (auto& [name, group] : groups) {
    waiting += group.jobs;
    order.push_back(std::move(group));
  }
  std::stable_sort(order.begin(), order.end(), [](const Waiting& a, const Waiting& b) {
    return a.accelerators > b.accelerators;
  });
  json::array reasons;
  for (const Waiting& each : order) {
    const std::string kind =
        std::visit([](const auto& body) { return std::string(body.kKind); }, each.reason);
    reasons.push_back({{"kind", kind},
                       {"text", text(each.reason, now)},
                       {"jobs", each.jobs},
                       {"accelerators_milli", each.accelerators.count()},
                       {"example", each.example.value()}});
  }
  return {{"waiting", waiting}, {"reasons", std::move(reasons)}};
}

}  // namespace mw::http
