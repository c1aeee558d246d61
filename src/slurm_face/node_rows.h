// Nodes as sinfo and scontrol show them: one row a node, in Slurm's words for the state that it is
// in.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "cli/api.h"

namespace mw::face {

struct NodeRow {
  std::uint64_t number = 0;
  std::string name;
  std::string site;
  std::string accelerator_type;
  std::string state;  ///< "idle", "mixed", "allocated", "draining", "drained", "maint", "down"
  bool lost = false;
  std::string reason;
  std::string by;
  std::optional<Instant> since;
  std::int64_t accelerators = 0;
  std::int64_t accelerators_used = 0;
  std::int64_t cpus = 0;
  std::int64_t cpus_free = 0;
  std::int64_t memory_mib = 0;
  std::int64_t memory_free_mib = 0;

  [[nodiscard]] std::string state_short() const;  ///< "alloc"; "*" behind it: it does not respond
  [[nodiscard]] std::string state_long() const;
  [[nodiscard]] std::string gres() const;  ///< "gpu:h100:8", or "(null)"
  [[nodiscard]] std::string gres_used() const;
  [[nodiscard]] std::string features() const;
};
NodeRow node_row(const JsonView& view);
/// All of them, in their order.  Errors: those of the API.
Result<std::vector<NodeRow>> list_nodes(Api& api);

}  // namespace mw::face
