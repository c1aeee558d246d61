// Jobs that people hand to Slurm and that are decided about here (adopt mode): found in Slurm's
// list, asked for as jobs of the core, let go on the nodes that were decided, followed to their
// end. Level-triggered like the engine: whatever was lost between Slurm, us and the core is made up
// for by the next list.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engines/slurm/adopted_attempt.h"
#include "engines/slurm/attempt_store.h"
#include "engines/slurm/client_pool.h"
#include "engines/slurm/cluster_view.h"
#include "engines/slurm/rule_switch.h"
#include "engines/slurm/slurm_client.h"

namespace mw::slurm {

class Adopter {
 public:
  /// What of the engine it needs.
  struct Surroundings {
    SlurmClient& client;
    ClientPool& pool;
    const ClusterView& cluster;
    AttemptStore& store;
  };
  /// `partitions`: whose jobs are ours; none: no new ones are.
  Adopter(Surroundings around, std::vector<std::string> partitions, SlurmAttempt::Limits limits)
      : around_(std::move(around)),
        partitions_(partitions.begin(), partitions.end()),
        limits_(limits) {}

  void fate(const AdoptedFate& fate);
  void want(DesiredAttempt desired, SteadyTime now);
  /// Result: which attempt of the job it was; none when it was none of these.
  std::optional<AttemptNumber> forget(JobId job, Epoch epoch);

  /// Its room is counted by us already.
  [[nodiscard]] bool owns(const SlurmJob& job) const;
  /// Jobs are handed to us again, should somebody have given the cluster back since we were here
  /// last. Nothing is done any more once Slurm has said how it is configured.
  void switch_rule_on() {
    if (!partitions_.empty()) rule_.turn_on(around_.client);
  }
  /// Takes in a list of jobs that was asked for at `asked`.
  void look(const std::vector<SlurmJob>& jobs, SteadyTime asked, const ObservationSink& sink);
  /// Does what is to be done; `reached`: Slurm answers. Result: whether there is more of it.
  bool service(bool reached, const ObservationSink& sink);
  [[nodiscard]] bool unsettled() const;

 private:
  /// A job of Slurm's that we have to do with.
  struct Known {
    AdoptedJob origin;
    JobId job;  ///< 0: not taken yet, or refused
    std::shared_ptr<const JobSpec> spec;
    JobState state = JobState::kPending;
    std::optional<Instant> finished_at;
    std::string refused;       ///< why it stays held
    bool noted = false;        ///< its people can read that
    std::optional<bool> held;  ///< what we told of its user's hold; none: nothing yet
    /// When it was last submitted, by Slurm's clock, before it ended here; none: not seen.
    std::optional<std::int64_t> submitted_s;
    int misses = 0;
    SteadyTime again_at;  ///< what was asked of the core or of Slurm not before this again
  };
  /// Jobs that another one may have to wait for.
  struct Others {
    std::map<SlurmJobId, const SlurmJob*> by_id;
    std::map<std::pair<std::string, std::string>, std::vector<const SlurmJob*>> open_by_name;
  };

  static Others others_in(const std::vector<SlurmJob>& jobs);
  static bool has_to_wait(const SlurmJob& job, const Others& all);
  void look_at(const SlurmJob& job, const std::string& id, SteadyTime asked, const Others& all,
               const ObservationSink& sink);
  void look_at_waiting_array(const SlurmJob& job, SteadyTime asked, const Others& all,
                             const ObservationSink& sink);
  void consider(const SlurmJob& job, const std::string& id, const Others& all,
                const ObservationSink& sink);
  static bool is_another(const Known& known, const SlurmJob& job);
  [[nodiscard]] bool was_changed(const Known& known, const SlurmJob& job) const;
  [[nodiscard]] bool begins_anew(const Known& known, const SlurmJob& job) const;
  void withdraw(Known& known, const ObservationSink& sink);
  void follow_hold(Known& known, const SlurmJob& job, const ObservationSink& sink);
  void follow(Known& known, const SlurmJob& job, const ObservationSink& sink);
  void settle_ended(Known& known, const SlurmJob& job);
  void look_for_missing(SteadyTime asked, const ObservationSink& sink);
  void note_refusal(const std::string& id, Known& known);
  void service(AdoptedAttempt& attempt, AdoptedStep step);
  void release(const std::vector<AdoptedAttempt*>& attempts);
  void release(AdoptedAttempt& attempt, SlurmClient& client);
  [[nodiscard]] bool may_ask(Known& known) const;

  Surroundings around_;
  std::set<std::string> partitions_;
  SlurmAttempt::Limits limits_;
  std::map<std::string, Known> known_;  ///< by the name that it has in Slurm
  std::map<JobId, AdoptedAttempt> attempts_;
  std::set<std::string> seen_;  ///< in this list
  std::size_t calls_left_ = 0;  ///< to Slurm, in this look
  RuleSwitch rule_;
  std::unique_ptr<NodeChoices> choices_;  ///< for this list
};

}  // namespace mw::slurm
