// What Slurm has at one moment: its partitions, nodes and jobs. Asked for beside the engine's own
// work, for a large cluster takes seconds to list. Of many nodes the whole list is asked for now
// and then, and how they are each time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/slurm_client.h"
#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

struct Look {
  RestVersion version;
  std::optional<std::vector<SlurmPartition>> partitions;  ///< none: as before
  std::shared_ptr<const std::vector<SlurmNode>> nodes;
  SteadyTime asked;  ///< when the jobs were asked for
  std::vector<SlurmJob> jobs;
};

class Looker {
 public:
  struct Options {
    /// From so many nodes on the whole list is not asked for each time.
    std::size_t many_nodes = 1000;
    /// It is anew after this: what nodes are made of seldom changes.
    std::chrono::seconds list_many_every{300};
  };
  /// `stop`: as of SlurmClient.
  Looker(std::string address, Identity identity, const std::atomic<bool>& stop, Options options)
      : client_(std::move(address), std::move(identity), stop), options_(options) {}

  /// Errors: as SlurmClient. After one the version is found out again: it may be another Slurm that
  /// comes back.
  Result<Look> look();

 private:
  Result<Look> look_now();
  Result<void> list_partitions(Look& look);
  Result<void> list_nodes(Look& look);
  bool update_nodes();

  SlurmClient client_;
  Options options_;
  bool connected_ = false;
  SteadyTime partitions_at_;
  std::unordered_set<std::string> in_partitions_;
  SteadyTime nodes_at_;
  std::shared_ptr<const std::vector<SlurmNode>> nodes_;  ///< of the last list, as they are now
};

}  // namespace mw::slurm
