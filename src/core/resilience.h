// What the brain remembers of failures, so that it can tell whose they are: a part of the state.
// Bounded by the fleet and by what runs: a job has one history, a node no more than so many
// entries, and ranks are remembered for as long as their attempt runs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/event.h"
#include "model/resilience.h"

namespace mw {

struct State;
struct Attempt;

inline constexpr std::size_t kCrashNodesKept = 4;   ///< of one job
inline constexpr std::size_t kNodeCrashesKept = 8;  ///< of one node
inline constexpr std::size_t kIncidentsKept = 32;   ///< of one node
/// What happens to a node so soon after something else is a part of the same.
inline constexpr Duration kIncidentLength = hours(1);
/// The core's own words; what follows from them is the fault policy's to say.
inline constexpr std::string_view kCrashingNodeCode = "node.crash_loop";
inline constexpr std::string_view kSlowNodeCode = "node.slow_rank";
inline constexpr std::string_view kLemonCode = "node.lemon";
/// What the engine cannot start things on: by its own word, or because they started elsewhere.
inline constexpr std::string_view kStartFailedCode = "engine.start_failed";
/// Of more nodes than these it is not told that one of them must be it.
inline constexpr std::size_t kSuspectsToldMax = 4;

/// What is missing of a gang whose other nodes are kept for it (State::holds).
struct Gap {
  std::vector<LostSlice> lost;
  Instant until;
  bool operator==(const Gap&) const = default;
  MW_FIELDS(lost, until)
};

/// Failures of a job that are alike, one after the other, with nothing saved between them.
struct CrashHistory {
  EndCause cause = EndCause::kTaskFailed;
  TaskExit exit;  ///< without its detail
  std::uint32_t failures = 0;
  Instant first_at;
  std::vector<NodeId> nodes;  ///< of the tasks that failed first: different ones, in order of time
  std::uint32_t on_last = 0;  ///< failures on the last of them, one after the other
  bool looped = false;        ///< it was given up for them
  /// Of starts that failed: the nodes that were in every one of them, by id, for the engine need
  /// not know which of its nodes it was. None left: it was not one node.
  std::optional<std::vector<NodeId>> suspects{};
  bool operator==(const CrashHistory&) const = default;
  MW_FIELDS(cause, exit, failures, first_at, nodes, on_last, looped, suspects)
};
/// A job that failed on a node. Jobs of one user and one name are one: a script with a mistake is
/// submitted many times.
struct NodeCrash {
  std::string user;
  std::string name;
  Instant at;
  bool operator==(const NodeCrash&) const = default;
  MW_FIELDS(user, name, at)
};

/// How often a running job says something of itself.
struct Pulse {
  std::uint32_t reports = 0;
  Duration intervals;   ///< between them, in all
  Duration longest;     ///< of these
  bool saving = false;  ///< it has begun a checkpoint, by its own word
  bool operator==(const Pulse&) const = default;
  MW_FIELDS(reports, intervals, longest, saving)
};

/// How the ranks of an attempt keep up with each other.
struct Pace {
  std::map<Rank, std::uint32_t> rounds;  ///< outliers, and for how many rounds by now
  std::optional<RanksCompared> last{};   ///< for people
  bool operator==(const Pace&) const = default;
  MW_FIELDS(rounds, last)
};

/// Ranks of an attempt that leave their nodes while the others go on.
struct Leaving {
  std::vector<LostSlice> lost;  ///< in rank order
  EndCause cause = EndCause::kNodeLost;
  Duration grace;
  std::string by;
  bool operator==(const Leaving&) const = default;
  MW_FIELDS(lost, cause, grace, by)
};

struct Resilience {
  std::map<JobId, Gap> gaps;
  std::map<JobId, CrashHistory> crashes;
  std::map<NodeId, std::vector<NodeCrash>> node_crashes;  ///< by time; since something went well
  std::map<JobId, Pulse> pulses;
  std::map<JobId, Pace> paces;
  std::map<NodeId, std::vector<Instant>> incidents;  ///< by time: when it failed, or was faulty
  std::set<NodeId> spares;
  /// The engine can start some ranks anew while the others go on; so is taken for true until a
  /// control plane has said what its engine can do.
  bool replaces_ranks = true;
  std::map<JobId, Leaving> leaving;
  std::map<JobId, std::vector<KeptRanks>> kept;  ///< of attempts, in rank order
  bool operator==(const Resilience&) const = default;
  MW_FIELDS(gaps, crashes, node_crashes, pulses, paces, incidents, spares, replaces_ranks, leaving,
            kept)
};

// --- what events do (resilience_apply.cpp) ------------------------------------------------------

void note_attempt_end(State& state, const Attempt& attempt, const AttemptEnded& event);
/// It runs: that it could not be started is over.
void note_started(State& state, JobId job);
void note_incident(State& state, NodeId node);
void apply_resilience(State& state, const CapacityKept& event);
void apply_resilience(State& state, const CrashLoopFound& event);
void apply_resilience(State& state, const RanksCompared& event);
void apply_resilience(State& state, const SparesChanged& event);
void apply_resilience(State& state, const RanksLeaving& event);
/// Gives back what is held for the job, if anything is.
void drop_hold(State& state, JobId job);
/// The same of all jobs for which something is held on the node.
void drop_holds_on(State& state, NodeId node);
/// Nodes that a placement takes are no spares any more; to be called before it takes them.
void use_spares(State& state, const Placement& placement);
/// A node that leaves service, or is set aside, is no spare.
void drop_spare(State& state, NodeId node);
/// The job has ended, or is not known any more.
void forget_crashes(State& state, JobId job);
/// The nodes' derived field.
void restore_spares(State& state);

// --- asked --------------------------------------------------------------------------------------

/// The rank is one of those.
bool is_among(const std::vector<LostSlice>& lost, std::uint32_t rank);
/// The rank is one of those of the job's attempt that leave while the others go on.
bool leaves(const State& state, JobId job, std::uint32_t rank);
/// The piece of the job's attempt that has the rank and was kept from an earlier one; null: the
/// rank was started in this one. Good until the next event.
const KeptRanks* kept_piece(const State& state, JobId job, std::uint32_t rank);
/// A report under that number is of a process that belongs to the attempt: it was started in it, or
/// kept. `rank`: whose; none: of any.
bool speaks_for(const State& state, const Attempt& attempt, AttemptNumber number,
                std::optional<Rank> rank = {});

/// When the job counts as hung if it says nothing more; never() where that cannot be said.
Instant hung_at(const State& state, JobId job, Instant heard);
/// The node on which the job has failed twice, one after the other, and nowhere else since; or
/// those that were in all of its starts, where two or more have failed. Not to be used again if
/// others will do.
std::vector<NodeId> suspects_of(const State& state, JobId job);
/// Of the nodes that were in all of its starts that failed, two or more, those that the attempt is
/// not on which now runs: one of them it was. Empty where they are too many to be told.
std::vector<NodeId> left_behind(const State& state, const Attempt& attempt);
/// Failures without progress, and no node was in all of them: the job is broken.
bool is_crash_loop(const State& state, JobId job, Instant now);
/// Different jobs have failed on the node, and nothing went well since: so many.
std::uint32_t jobs_crashed_on(const State& state, NodeId node, Instant now);

/// Ranks that stand out.  `steps`: by rank, 0 where nothing is known.
/// A rank stands out when it is slower than the median by both of the rules' measures: a share of
/// the median, and multiples of the robust standard deviation, 1.4826 times the median absolute
/// deviation (Hampel 1974, "The Influence Curve and its Role in Robust Estimation"). When more than
/// one rank in twenty does, none does: then it is how the job is made (stages of a pipeline).
/// Cost: O(ranks).
struct RankComparison {
  std::uint32_t ranks = 0;
  Duration median;
  Duration deviation;
  Rank slowest;
  Duration slowest_step;
  std::vector<Rank> outliers;
};
RankComparison compare_ranks(const std::vector<Duration>& steps, const StragglerRules& rules);

/// An upper bound of the chance, in 2^-62, that of `nodes` alike a given one has `count` or more of
/// `all` incidents: the tail of the binomial distribution, as a geometric series from its first
/// term. Tight where it is small.
std::uint64_t chance_of(std::uint64_t count, std::uint64_t all, std::uint64_t nodes);
/// As people read it: "1.2e-7".
std::string chance_text(std::uint64_t chance);

/// The least number n for which no more than n of `nodes` are out of use at once with the rule's
/// confidence, when each is for `repair` of every `repair + 1/rate`, independently (binomial).
/// `failures`: of a thousand nodes in a thousand days.
std::uint32_t spares_for(const SpareRule& rule, std::uint32_t nodes, std::uint64_t failures);
/// Failures of a thousand nodes in a thousand days, as the fleet had them in the last `kept` days.
std::uint64_t measured_failures(const State& state, Instant now);

}  // namespace mw
