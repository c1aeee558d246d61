// One attempt on this machine: its ranks, what is wanted of it, and what was reported. Brings the
// ranks towards the goal, one step a call; waits for nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engines/local/containment.h"
#include "engines/local/discovery.h"
#include "engines/local/local_engine.h"
#include "engines/local/rank_process.h"
#include "engines/local/run_directory.h"
#include "loop/engine.h"

namespace mw::local {

/// What all attempts share. Outlives them.
struct AttemptContext {
  const LocalEngineOptions& options;
  const Containment& containment;
  RunDirectory& run;
  std::vector<LocalNode> nodes;
  std::vector<std::string> inherited;  ///< environment, "NAME=value"
};

class LocalAttempt {
 public:
  /// One that is wanted; it may already be there.
  LocalAttempt(AttemptContext& context, DesiredAttempt desired);
  /// One that was found and that nobody wants: it is stopped, and not reported.
  LocalAttempt(AttemptContext& context, AttemptKey key);

  [[nodiscard]] AttemptKey key() const { return key_; }
  [[nodiscard]] Epoch epoch() const { return epoch_; }
  [[nodiscard]] bool abandoned() const { return abandoned_; }
  /// Attempts in which ranks of it were started, beside itself.
  [[nodiscard]] std::set<AttemptNumber> kept() const;
  /// Ranks that were started in that attempt are among its own.
  [[nodiscard]] bool keeps(AttemptNumber attempt) const;
  /// It may have been started under this epoch: its own, or that of ranks which it keeps.
  [[nodiscard]] bool is_of(Epoch epoch) const;

  /// A new goal for it.  REQUIRES: same job, attempt and epoch, and not abandoned.
  void want(DesiredAttempt desired);
  /// Nobody wants to hear of it any more: stop what still runs.
  void abandon();

  /// Looks at the ranks that may have changed, and starts or stops what has to be.
  void advance();
  /// Something was heard of one rank.
  void look(Rank rank);
  void supervisor_ended(Rank rank);

  /// What has not been reported yet; `again`: everything there is to report.
  std::vector<InputBody> reports(bool again);
  /// Nothing of it runs.
  [[nodiscard]] bool over() const;
  /// It is on its way to somewhere, and nothing may tell us when it gets there: look again soon.
  [[nodiscard]] bool unsettled() const;
  /// Removes what is not to be kept of an attempt that is over.
  void clean();

  [[nodiscard]] std::vector<RankProcess>& ranks() { return ranks_; }

 private:
  void start_missing();
  void stop_leaving();
  [[nodiscard]] Result<TaskSpec> task_spec(std::size_t slice, std::uint32_t local_rank,
                                           std::uint16_t port) const;
  [[nodiscard]] std::uint16_t master_port() const;
  /// `node`: the one that is at fault, where that is known.
  void fail(std::string why, std::optional<std::string> node = {});

  AttemptContext& context_;
  AttemptKey key_;
  Epoch epoch_;
  std::optional<DesiredAttempt> desired_;  ///< nothing: only found
  std::vector<RankProcess> ranks_;
  bool abandoned_ = false;
  std::optional<std::string> failure_;  ///< why it cannot be started
  std::optional<std::string> failed_on_;
  bool told_started_ = false;
  bool told_gone_ = false;
  std::vector<bool> told_exit_;
};

/// In which these were started.
std::set<AttemptNumber> attempts_of(const std::vector<KeptRanks>& kept);
/// Ends what still runs of an earlier attempt and is not among the ranks that `desired` keeps of
/// it: the core has taken them for gone, as with a node that this machine is not given any more.
void end_left_behind(const RunDirectory& run, AttemptNumber earlier, const DesiredAttempt& desired);

}  // namespace mw::local
