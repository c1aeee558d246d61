#include "engines/slurm/looker.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "engines/slurm/node_states.h"

namespace mw::slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// Partitions seldom change.
constexpr std::chrono::seconds kPartitionsEvery{60};

}  // namespace

Result<Look> Looker::look() {
  // Whoever waits for the end of this look begins no other.
  try {
    return look_now();
  } catch (const std::exception& fault) {
    return Error{ErrorCode::kUnavailable,
                 std::string("looking at what Slurm has failed: ") + fault.what()};
  }
}

Result<Look> Looker::look_now() {
  Look look;
  if (!connected_) {
    if (auto connected = client_.connect(); !connected) return connected.error();
  }
  connected_ = false;  // until all of it has been answered
  look.version = client_.version();
  if (auto listed = list_partitions(look); !listed) return listed.error();
  // Nodes before jobs: a job that ended with its node is then known to have lost it.
  if (auto listed = list_nodes(look); !listed) return listed.error();
  look.asked = SteadyClock::now();
  auto jobs = client_.jobs();
  if (!jobs) return jobs.error();
  look.jobs = std::move(*jobs);
  connected_ = true;
  // Not before: what a look that fails had of them is lost with it.
  if (look.partitions) partitions_at_ = look.asked + kPartitionsEvery;
  return look;
}

Result<void> Looker::list_partitions(Look& look) {
  if (SteadyClock::now() < partitions_at_) return {};
  auto partitions = client_.partitions();
  if (!partitions) return partitions.error();
  in_partitions_.clear();
  for (const SlurmPartition& each : *partitions) {
    in_partitions_.insert(each.nodes.begin(), each.nodes.end());
  }
  look.partitions = std::move(*partitions);
  return {};
}

Result<void> Looker::list_nodes(Look& look) {
  const bool many = in_partitions_.size() >= options_.many_nodes;
  if (!many || SteadyClock::now() >= nodes_at_ || !update_nodes()) {
    auto nodes = client_.nodes(in_partitions_.size());
    if (!nodes) return nodes.error();
    // Those that are in none are not told of by update_nodes() either.
    std::erase_if(*nodes,
                  [&](const SlurmNode& node) { return !in_partitions_.contains(node.name); });
    nodes_ = std::make_shared<const std::vector<SlurmNode>>(std::move(*nodes));
    nodes_at_ = SteadyClock::now() + options_.list_many_every;
  }
  look.nodes = nodes_;
  return {};
}

/// False: the list is to be asked for.
bool Looker::update_nodes() {
  if (!nodes_ || nodes_->empty()) return false;
  const auto states = client_.node_states();
  if (!states) {
    spdlog::debug("slurm engine: {}; all nodes are listed instead", states.error().message);
    return false;
  }
  std::vector<SlurmNode> now = *nodes_;
  if (!update_states(now, *states)) return false;
  nodes_ = std::make_shared<const std::vector<SlurmNode>>(std::move(now));
  return true;
}

}  // namespace mw::slurm
