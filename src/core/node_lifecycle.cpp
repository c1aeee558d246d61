#include "core/node_lifecycle.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace mw {
namespace {

using enum NodePhase;
using enum Mover;

constexpr std::array kTransitions = {
    NodeTransition{kProvisioning, kValidating, kOperator, "it is set up, and is to be proven"},
    NodeTransition{kProvisioning, kValidating, kFaultPolicy, "it is new, and to be proven"},
    NodeTransition{kProvisioning, kReady, kOperator, "it is set up, and taken as proven"},
    NodeTransition{kProvisioning, kReady, kFaultPolicy,
                   "it is new, and nothing proves nodes any more"},
    NodeTransition{kProvisioning, kRetired, kOperator, "it never comes into service"},
    NodeTransition{kValidating, kReady, kOperator, "somebody takes it as proven"},
    NodeTransition{kValidating, kReady, kRemedy, "the checks passed"},
    NodeTransition{kValidating, kQuarantined, kOperator, "somebody takes it out of service"},
    NodeTransition{kValidating, kQuarantined, kRemedy, "the checks failed"},
    NodeTransition{kReady, kSuspect, kFaultPolicy, "a fault is watched"},
    NodeTransition{kReady, kDraining, kOperator, "somebody takes it out of service"},
    NodeTransition{kReady, kDraining, kFaultPolicy, "a fault asks for more than watching"},
    NodeTransition{kSuspect, kReady, kOperator, "somebody finds nothing wrong with it"},
    NodeTransition{kSuspect, kReady, kFaultPolicy,
                   "nothing more has happened while it was watched"},
    NodeTransition{kSuspect, kDraining, kOperator, "somebody takes it out of service"},
    NodeTransition{kSuspect, kDraining, kFaultPolicy, "a fault asks for more than watching"},
    NodeTransition{kDraining, kValidating, kDrain, "it is empty, and is to be proven"},
    NodeTransition{kDraining, kReady, kOperator, "the drain is cancelled"},
    NodeTransition{kDraining, kReady, kFaultPolicy, "the fault is gone before anything was done"},
    NodeTransition{kDraining, kDraining, kOperator, "the drain is told anew"},
    NodeTransition{kDraining, kDraining, kFaultPolicy, "a worse fault asks for more"},
    NodeTransition{kDraining, kDraining, kDrain, "its deadline has come: what is left is stopped"},
    NodeTransition{kDraining, kQuarantined, kDrain, "it is empty, and is kept out of service"},
    NodeTransition{kDraining, kRepairing, kDrain, "it is empty, and its repair begins"},
    NodeTransition{kDraining, kRetired, kDrain, "it is empty, and gone for good"},
    NodeTransition{kQuarantined, kValidating, kOperator, "it is to be proven"},
    NodeTransition{kQuarantined, kReady, kOperator, "somebody takes it as proven"},
    NodeTransition{kQuarantined, kRetired, kOperator, "it is gone for good"},
    NodeTransition{kRepairing, kValidating, kOperator, "it is back, and is to be proven"},
    NodeTransition{kRepairing, kValidating, kRemedy, "the repair is done, and is to be proven"},
    NodeTransition{kRepairing, kReady, kOperator, "it is back, and taken as proven"},
    NodeTransition{kRepairing, kReady, kRemedy, "the repair is done, and nothing proves nodes"},
    NodeTransition{kRepairing, kQuarantined, kOperator, "somebody gives the repair up"},
    NodeTransition{kRepairing, kQuarantined, kRemedy, "the repair failed"},
    NodeTransition{kRepairing, kRetired, kOperator, "it is gone for good"},
    NodeTransition{kRetired, kProvisioning, kOperator, "something else stands in its place"},
};

std::string_view mover_text(Mover who) {
  switch (who) {
    case kOperator:
      return "a person";
    case kFaultPolicy:
      return "the fault policy";
    case kDrain:
      return "the drain";
    case kRemedy:
      return "the remedy";
  }
  return "nobody";
}

}  // namespace

std::span<const NodeTransition> node_transitions() { return kTransitions; }

bool may_move(NodePhase from, NodePhase to, Mover who) {
  return std::any_of(kTransitions.begin(), kTransitions.end(), [&](const NodeTransition& each) {
    return each.from == from && each.to == to && each.who == who;
  });
}

std::string draw_node_lifecycle() {
  std::map<std::pair<NodePhase, NodePhase>, std::string> edges;
  for (const NodeTransition& each : kTransitions) {
    std::string& label = edges[{each.from, each.to}];
    label += (label.empty() ? "" : ", ") + std::string(mover_text(each.who));
  }
  std::string out =
      "stateDiagram-v2\n    [*] --> ready: it joins\n    [*] --> provisioning: it joins, and is to "
      "be proven\n";
  for (const auto& [edge, label] : edges) {
    out += "    " + std::string(name_of(edge.first)) + " --> " + std::string(name_of(edge.second)) +
           ": " + label + "\n";
  }
  return out;
}

std::string list_node_transitions() {
  std::string out = "| from | to | who | why |\n|---|---|---|---|\n";
  for (const NodeTransition& each : kTransitions) {
    out += "| " + std::string(name_of(each.from)) + " | " + std::string(name_of(each.to)) + " | " +
           std::string(mover_text(each.who)) + " | " + std::string(each.why) + " |\n";
  }
  return out;
}

}  // namespace mw
