// Which control group hierarchies this process sees, and where in each it stands; and the limits
// that hold for it there. Read from /proc and the mounted file systems, or from a copy of them in
// a test.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/quantity.h"

namespace mw::local {

struct CgroupHierarchy {
  bool unified = false;                  ///< version 2
  std::vector<std::string> controllers;  ///< of version 1; empty for version 2
  std::string mount;                     ///< where it is mounted
  std::string own;                       ///< the directory of our own group
  [[nodiscard]] bool has(std::string_view controller) const;
};

/// `root` is put before every path: "" for the machine itself.
std::vector<CgroupHierarchy> cgroup_hierarchies(const std::string& root);

/// What the groups that we are in allow us; absent: no limit.
struct CgroupLimits {
  std::optional<Bytes> memory;
  std::optional<CpuShare> cpus;
};
CgroupLimits cgroup_limits(const std::vector<CgroupHierarchy>& hierarchies);

}  // namespace mw::local
