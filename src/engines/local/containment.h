// How tasks are confined on this machine. Everything is made below the control group that we were
// started in: what confines us confines our tasks, and we touch nothing that is not ours. Each
// home has groups of its own name, so control planes side by side do not meet.
//
//   tracking, killing   cgroup v2; else v1; else process group and subreaper
//   memory, CPU weight  cgroup v2 where its controllers can be given to us; else v1; else none
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "engines/local/cgroup.h"
#include "model/job.h"

namespace mw::local {

enum class ContainmentChoice : std::uint8_t {
  kBest,          ///< what this machine offers
  kProcessGroup,  ///< no control groups, though there may be some
};

class Containment {
 public:
  /// Looks at what there is, and changes nothing. `home`: absolute; its file engine.id, made when
  /// there is none, names the groups.
  /// `root`: put before the paths of /proc and the mounts, for tests.
  Containment(ContainmentChoice choice, const std::string& home, const std::string& root = "");

  /// Makes the groups that hold all tasks; what cannot be made is done without from here on.
  void prepare();
  /// Removes them, unless tasks are in them.
  void release() const;

  /// The groups that a task is to get. CPU is a weight and not a ceiling: an idle machine is for
  /// whoever can use it.
  [[nodiscard]] std::vector<TaskCgroup> for_task(JobId job, AttemptNumber attempt, Rank rank,
                                                 const TaskShape& shape) const;
  /// True when a task with a memory limit will be held to it.
  [[nodiscard]] bool limits_memory() const { return !memory_.empty(); }
  /// In one line, for people.
  [[nodiscard]] std::string describe() const;

  /// Kills and removes every group of this home whose task `wanted` does not name.
  void remove_stale(const std::function<bool(JobId, AttemptNumber)>& wanted) const;

 private:
  struct Place {
    std::string directory;  ///< of all our tasks in one hierarchy; empty: none
    bool unified = false;
    [[nodiscard]] bool empty() const { return directory.empty(); }
  };
  void prepare_unified();
  [[nodiscard]] std::vector<Place> places() const;

  std::string name_;  ///< of our groups
  Place track_;
  Place memory_;
  Place cpu_;
  std::string limits_refused_;  ///< why version 2 gives no limits; for people
};

}  // namespace mw::local
