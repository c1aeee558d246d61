// What is to be done to nodes in Slurm, done: a few at a time, and those that were refused not
// again at once.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engines/slurm/cluster_view.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/slurm_client.h"

namespace mw::slurm {

class NodeOrders {
 public:
  void carry_out(const std::vector<NodeOrder>& orders, SlurmClient& client, ClusterView& cluster);

 private:
  std::map<std::string, SteadyTime> again_at_;  ///< not before this again
};

}  // namespace mw::slurm
