#include "engines/slurm/node_states.h"

#include <algorithm>
#include <cctype>
#include <unordered_map>
#include <utility>

#include "codec/units.h"

namespace mw::slurm {
namespace {

/// What sinfo writes where nobody gave a reason.
constexpr std::string_view kNoReason = "none";
constexpr std::size_t kShownMax = 200;

/// "idle+cloud+powered_down": the base state, then flags.
std::vector<std::string> states_in(std::string_view text) {
  std::vector<std::string> states = {""};
  for (const char c : text) {
    if (c == '+') {
      states.emplace_back();
    } else {
      states.back().push_back(static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
    }
  }
  return states;
}

Result<NodeStates> read_line(std::string_view line) {
  // A reason may have bars of its own; the others do not.
  const std::size_t after_state = line.find('|');
  const std::size_t after_reason = line.rfind('|');
  if (after_state == line.npos || after_reason == after_state) {
    return Error{ErrorCode::kInvalid, "sinfo was asked for state|reason|nodes, and wrote " +
                                          in_quotes(line.substr(0, kShownMax))};
  }
  auto nodes = expand_hostlist(line.substr(after_reason + 1));
  if (!nodes) return nodes.error();
  NodeStates found;
  found.nodes = std::move(*nodes);
  found.states = states_in(line.substr(0, after_state));
  found.reason = line.substr(after_state + 1, after_reason - after_state - 1);
  if (found.reason == kNoReason) found.reason.clear();
  return found;
}

bool is_away(const std::vector<std::string>& states) {
  return std::ranges::any_of(states, [](const std::string& state) {
    return state.starts_with("DOWN") || state.starts_with("REBOOT");
  });
}

/// What else is known of the node holds on.
bool says_enough(const SlurmNode& before, const NodeStates& now) {
  const std::string_view reason = before.reason == kNoReason ? "" : std::string_view(before.reason);
  return reason == now.reason && (!is_away(before.states) || is_away(now.states));
}

}  // namespace

std::vector<std::string> node_states_command() {
  // A width of 0: as wide as it is, and then the bar.
  return {"sinfo", "--all", "--noheader", "--Format=StateComplete:0|,Reason:0|,NodeList:0"};
}

Result<std::vector<NodeStates>> read_node_states(std::string_view text) {
  std::vector<NodeStates> all;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    auto states = read_line(text.substr(0, end));
    if (!states) return states.error();
    all.push_back(std::move(*states));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return all;
}

bool update_states(std::vector<SlurmNode>& nodes, const std::vector<NodeStates>& states) {
  std::unordered_map<std::string_view, const NodeStates*> by_name;
  by_name.reserve(nodes.size());
  for (const NodeStates& each : states) {
    for (const std::string& name : each.nodes) by_name.emplace(name, &each);
  }
  if (by_name.size() != nodes.size()) return false;
  const bool enough = std::ranges::all_of(nodes, [&](const SlurmNode& node) {
    const auto now = by_name.find(node.name);
    return now != by_name.end() && says_enough(node, *now->second);
  });
  if (!enough) return false;
  for (SlurmNode& node : nodes) {
    const NodeStates& now = *by_name.at(node.name);
    if (node.states != now.states) node.states = now.states;
  }
  return true;
}

}  // namespace mw::slurm
