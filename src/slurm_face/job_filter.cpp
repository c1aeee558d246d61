#include "slurm_face/job_filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "codec/hostlist.h"
#include "codec/units.h"

namespace mw::face {
namespace {

struct KnownState {
  std::string_view word;
  std::string_view brief;
};
constexpr std::array<KnownState, 16> kKnown = {{{"PENDING", "PD"},
                                                {"CONFIGURING", "CF"},
                                                {"RUNNING", "R"},
                                                {"COMPLETING", "CG"},
                                                {"COMPLETED", "CD"},
                                                {"FAILED", "F"},
                                                {"CANCELLED", "CA"},
                                                {"TIMEOUT", "TO"},
                                                {"NODE_FAIL", "NF"},
                                                {"OUT_OF_MEMORY", "OOM"},
                                                {"SUSPENDED", "S"},
                                                {"PREEMPTED", "PR"},
                                                {"BOOT_FAIL", "BF"},
                                                {"DEADLINE", "DL"},
                                                {"REQUEUED", "RQ"},
                                                {"RESIZING", "RS"}}};

bool among(const std::vector<std::string>& list, std::string_view one) {
  return list.empty() || std::ranges::find(list, one) != list.end();
}

Result<std::vector<std::string>> read_states(const std::string& text) {
  std::vector<std::string> states;
  for (std::string word : words_of(text)) {
    for (char& c : word) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
    if (word == "ALL") return std::vector<std::string>{};
    const auto known = std::ranges::find_if(
        kKnown, [&](const KnownState& one) { return one.word == word || one.brief == word; });
    if (known == kKnown.end()) {
      std::vector<std::string_view> all;
      for (const KnownState& one : kKnown) all.push_back(one.word);
      return Error{ErrorCode::kInvalid, fmt::format("invalid job state specified: {}; valid are {}",
                                                    in_quotes(word), fmt::join(all, ", "))};
    }
    states.emplace_back(known->word);
  }
  return states;
}

}  // namespace

std::string own_user() {
  const passwd* const user = ::getpwuid(::geteuid());
  return user == nullptr ? std::to_string(::geteuid()) : std::string(user->pw_name);
}

bool JobFilter::takes(const JobRow& row) const {
  const bool on_nodes = nodes.empty() || std::ranges::any_of(row.nodes, [&](const auto& node) {
                          return std::ranges::find(nodes, node) != nodes.end();
                        });
  return among(users, row.user) && among(accounts, row.account) &&
         among(partitions, row.face.partition) && among(names, row.name) && among(qos, row.qos) &&
         among(reservations, row.reservation) && among(states, row.state_word()) && on_nodes;
}

bool JobFilter::empty() const {
  return users.empty() && accounts.empty() && partitions.empty() && names.empty() && qos.empty() &&
         nodes.empty() && reservations.empty() && states.empty();
}

Result<JobFilter> read_filter(const GivenFlags& flags) {
  JobFilter filter;
  filter.users = words_of(flags.value("user"));
  if (flags.has("me")) filter.users = {own_user()};
  filter.accounts = words_of(flags.value(flags.has("accounts") ? "accounts" : "account"));
  filter.partitions = words_of(flags.value("partition"));
  filter.names = words_of(flags.value(flags.has("jobname") ? "jobname" : "name"));
  filter.qos = words_of(flags.value("qos"));
  filter.reservations = words_of(flags.value("reservation"));
  auto states = read_states(flags.value(flags.has("states") ? "states" : "state"));
  if (!states) return states.error();
  filter.states = std::move(*states);
  auto nodes = slurm::expand_hostlist(flags.value("nodelist"));
  if (!nodes) return nodes.error();
  filter.nodes = std::move(*nodes);
  return filter;
}

}  // namespace mw::face
