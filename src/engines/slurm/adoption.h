// A job that somebody handed to Slurm and that is ours to decide about, made into what the core
// decides about: an equal share of each of its nodes. What cannot be said exactly is refused with
// the reason, and stays held: to start something else than was asked for would be worse.
//
// Who is who: jobs arrive held, and with an AdminComment that begins with "millwright", by a rule
// of slurmctld (examples/slurm/job_submit.lua); where there is no such rule, their users hold them
// and say so in the comment (sbatch --hold --comment=millwright).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "engines/slurm/cluster_view.h"
#include "engines/slurm/slurm_types.h"
#include "model/job.h"

namespace mw::slurm {

/// It waits, held, for somebody to decide.
bool waits_for_decision(const SlurmJob& job);
/// Its user wants it to wait (sbatch --hold, scontrol hold), by what the rule wrote down.
bool held_by_user(const SlurmJob& job);

/// "0-3,7%2": the numbers of an array's elements that wait.
/// Errors: kInvalid, for what is none, and for more than Slurm's largest array (4 million).
Result<std::vector<std::uint32_t>> array_tasks(std::string_view text);

/// The jobs that a dependency names, such as "afterok:12(unfulfilled),after:13+5". Of which kind
/// it is does not matter: Slurm itself judges it when the job is let go.
std::vector<SlurmJobId> jobs_awaited(std::string_view dependency);

/// No other job of its user that has its name may run beside it, and those before it go first.
bool is_singleton(const SlurmJob& job);

/// Its start was put off, or forward, since it was taken as `taken`. Slurm sets the time of those
/// that may start by itself, to what is past by then. REQUIRES: job.request.
bool is_put_off_anew(const SlurmJob& job, const JobSpec& taken, Instant now);

/// Which nodes will do for a job, by its partition and its constraint: looked up once for each
/// pair, for jobs are many and so are nodes. Good for one list of nodes.
class NodeChoices {
 public:
  explicit NodeChoices(const ClusterView& cluster) : cluster_(cluster) {}
  struct Choice {
    // The least that all of the nodes have.
    std::uint32_t cpus = UINT32_MAX;
    std::uint32_t gpus = UINT32_MAX;
    std::int64_t memory_mib = INT64_MAX;
    std::int64_t threads_per_core = 1;  ///< the most
    bool any_gpus = false;
    std::set<std::string> types;            ///< that they are of; empty: all nodes will do
    std::optional<std::int64_t> minutes{};  ///< how long a job that does not say may run
  };
  /// Errors: kUnsupported, when that cannot be told by type of accelerator.
  const Result<Choice>& of(const std::string& partition, const std::string& features);

 private:
  [[nodiscard]] Result<Choice> choose(const std::string& partition,
                                      const std::string& features) const;
  const ClusterView& cluster_;
  std::map<std::pair<std::string, std::string>, Result<Choice>> made_;
};

/// What `job` asks for.
/// REQUIRES: job.request.  Errors: kUnsupported, saying what of it cannot be decided about.
Result<JobSpec> adopted_spec(const SlurmJob& job, NodeChoices& choices);

/// The file that its script writes to; empty when that cannot be said before it runs.
/// REQUIRES: job.request.
std::string output_of(const SlurmJob& job, const std::string& id);

/// A job of Slurm's, told from all others that there ever are.
struct AdoptedJob {
  std::string id;                ///< as it is called there: "123", "123_4"
  std::int64_t submitted_s = 0;  ///< Unix time, there: numbers are used again
  bool restartable = true;       ///< Slurm can start it again
  std::string asked{};           ///< asked_for() it as it was taken; empty: not known
  JobId replaces{};              ///< our job of before it was changed; 0: there was none
  bool operator==(const AdoptedJob&) const = default;
};

/// All of what it asks for that bears on the decision, as 16 hexadecimal digits: it does not depend
/// on what nodes there are, and changes only when somebody changes the job. Without what Slurm
/// itself changes as time goes by (dependency, begin, elements that are left) and the nodes that a
/// decision pinned it to.
/// REQUIRES: job.request.
std::string asked_for(const SlurmJob& job);

/// The key under which it is asked for (is_adopted()): asked twice it is the same job, changed in
/// Slurm (or put into its queue again after it had ended) it is another.
std::string adoption_key(const AdoptedJob& job);
/// None for what is no such key.
std::optional<AdoptedJob> adopted_job(std::string_view client_key);
/// REQUIRES: job.request.
AdoptedJob adopted_job(const SlurmJob& job, const std::string& id, JobId replaces);

}  // namespace mw::slurm
