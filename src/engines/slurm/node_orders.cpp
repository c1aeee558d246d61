#include "engines/slurm/node_orders.h"

#include <spdlog/spdlog.h>

namespace mw::slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// After one that was refused.
constexpr std::chrono::seconds kRefusedAgainAfter{60};
/// By then the list has it.
constexpr std::chrono::seconds kDoneAgainAfter{5};
/// Each may be a program that is started; the rest waits for the next look.
constexpr std::size_t kAtOnce = 16;

}  // namespace

void NodeOrders::carry_out(const std::vector<NodeOrder>& orders, SlurmClient& client,
                           ClusterView& cluster) {
  std::size_t count = 0;
  for (const NodeOrder& order : orders) {
    const SteadyTime now = SteadyClock::now();
    SteadyTime& again_at = again_at_[order.node];
    if (now < again_at) continue;
    if (count++ == kAtOnce) return;
    const auto done = client.change(order);
    again_at = now + (done ? kDoneAgainAfter : kRefusedAgainAfter);
    const char* what = order.drain ? "drained" : "put back into service";
    if (done) {
      spdlog::info("slurm engine: node {} is {} in Slurm", order.node, what);
      continue;
    }
    spdlog::warn("slurm engine: node {} could not be {} in Slurm: {}", order.node, what,
                 done.error().message);
    if (done.error().code == ErrorCode::kForbidden) cluster.cannot_change(order.node);
  }
}

}  // namespace mw::slurm
