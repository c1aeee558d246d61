// The port to what starts and confines processes. Engines are level-triggered: the core holds the
// desired attempts, the loop tells the engine what is desired, and the engine makes it so and
// reports what it sees. Telling twice, late, or after a restart changes nothing; reports may be
// repeated, and the core drops what is of an older epoch.
//
// Any message may be lost, but none for ever: the loop repeats what it desires, and an engine
// repeats what it has to say of an attempt until that is forgotten. What is reported of an attempt
// that the core no longer has is answered by forget() again, for then the first one was lost.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "model/fleet.h"
#include "model/input.h"
#include "model/job.h"
#include "model/node_phase.h"
#include "model/reason.h"
#include "model/resilience_event.h"

namespace mw {

enum class AttemptGoal : std::uint8_t { kRun, kStop };

/// What the core wants of one attempt.
struct DesiredAttempt {
  JobId job;
  JobId record;  ///< array index of the job is job - record
  AttemptNumber attempt;
  Epoch epoch;
  std::string client_key{};  ///< under which the job was handed in; see is_adopted()
  AttemptGoal goal = AttemptGoal::kRun;
  std::optional<EndCause> cause{};  ///< why it is to stop
  Duration grace;                   ///< when stopping: between SIGTERM and SIGKILL
  std::shared_ptr<const JobSpec> spec;
  Placement placement;
  std::vector<std::string> node_names;  ///< one a slice of `placement`
  Checkpoint resume_from;
  /// Ranks that an earlier attempt started and that go on in this one, if they are still there;
  /// then their processes are this attempt's from now on. Else they are started like the others.
  std::vector<KeptRanks> kept{};
  /// Ranks that are to be stopped while the others go on.
  std::vector<LostSlice> leaving{};
  Duration leaving_grace{};  ///< as `grace`, of these
};

/// What is being done to a node: it has begun, so whoever is told does it, once, and tells how it
/// ended (RemedyReported) until it is forgotten.
struct DesiredRemedy {
  std::string node;
  Epoch remedy;  ///< larger than of any before it: what is told of an older one comes late
  FaultAction action = FaultAction::kReboot;
  std::string code;  ///< of the fault; empty: somebody asked for it
  std::optional<std::uint32_t> device;
  std::optional<FaultHook> hook;   ///< the program that does it, as the fault policy says
  std::uint32_t accelerators = 0;  ///< that the node is to have, and of which type
  std::string accelerator_type{};
  std::vector<CheckProgram> checks{};  ///< of one that proves the node: run one after the other
  /// Of one that proves the node: who else stands in its rack and is in service, to be measured
  /// with.
  std::vector<std::string> rack_nodes{};
  /// The node is idle and in service: when this is forgotten, a job is about to come, and what
  /// still runs is killed without being asked first.
  bool yields = false;
};

/// In what phase of its life a node is, as we have decided it.
struct NodeDecision {
  std::string node;
  NodePhase phase = NodePhase::kReady;
  std::string reason;
  std::string by;
};

/// A job that somebody handed to the engine itself, and that the engine asks us to decide about
/// (SubmitJob), has a key that begins with a space: no caller of ours can give one. The engine
/// writes the rest, and knows the job by it.
inline bool is_adopted(std::string_view client_key) { return client_key.starts_with(' '); }

/// What has become of such a job.
struct AdoptedFate {
  std::string client_key;
  JobId job;                              ///< 0: it was refused
  std::shared_ptr<const JobSpec> spec{};  ///< as it was taken; null when it was refused
  JobState state = JobState::kPending;
  std::optional<Instant> finished_at{};
  std::optional<Refusal> refused{};
};

/// Takes what an engine observes. Safe to call from any thread; never blocks for long.
using ObservationSink = std::function<void(InputBody)>;

/// Which part of which log.
struct LogQuery {
  JobId job;
  AttemptNumber attempt;
  Rank rank;
  bool standard_error = false;
  std::uint64_t offset = 0;  ///< in bytes from the start of the task's output
  std::size_t limit = 1 << 16;
};
struct LogChunk {
  std::string data;
  std::uint64_t offset = 0;  ///< of data[0]; larger than asked when older output was rotated away
  bool complete = false;     ///< the task has ended and this is its last output
};

class Engine {
 public:
  virtual ~Engine() = default;

  /// Begins: reports the nodes (NodeSeen), finds what an earlier control plane left running, and
  /// from then on reports to `sink`. `desired`: every attempt that should exist now; what runs in
  /// our name and is not among them is stopped and cleaned up, and no command of an earlier control
  /// plane that is still on its way may start it again.
  virtual Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) = 0;
  /// Makes one attempt so. Returns at once; what comes of it is reported. A newer epoch says that
  /// the older ones of the job have ended: what is left of them goes first. An older epoch than the
  /// newest that was set or forgotten is a command that comes late, and is dropped.
  /// To stop one that never came to be is answered by AttemptGone, each time that it is told, and
  /// it never comes to be afterwards. Of one that is gone without a trace (its nodes went down and
  /// came back while no control plane listened) the engine says so: AttemptGone.
  virtual void set(DesiredAttempt desired) = 0;
  /// The core has recorded the attempt's end: nothing more needs to be reported of it, and should
  /// anything of it still be there it is removed. Of what was forgotten before, or was never heard
  /// of, nothing happens. Logs stay.
  virtual void forget(JobId job, Epoch epoch) = 0;
  /// Does this to the node. Told again it is the same remedy: it is done once, and how it ended is
  /// told again. By itself an engine does nothing to its nodes, and the core gives up in time.
  virtual void remedy(DesiredRemedy /*desired*/) {}
  /// It can do that to a node by its own means: remedy() with a hook that is_for_engine().
  virtual bool carries_out(FaultAction /*action*/) const { return false; }
  /// The core has recorded its end, or nobody waits for it: what still runs of it is stopped.
  virtual void forget_remedy(const std::string& /*node*/, Epoch /*remedy*/) {}
  /// remedy() was called for all that is being done to nodes: what an earlier control plane left
  /// running beside it, having recorded its end and not said so, is stopped.
  virtual void all_remedies_told() {}
  /// The node is in this phase now. For engines that give nodes to others than us, too, or whose
  /// own people take nodes out of service; told again it changes
  /// nothing. Told of all that are not ready before start(), too.
  virtual void node_is(const NodeDecision& /*decision*/) {}
  /// Of a job that is_adopted(): it was taken, refused, or has ended. Told again it changes
  /// nothing. Told of all that we have before start(), too, and only when adopts() says so.
  virtual void adopted_is(const AdoptedFate& /*fate*/) {}
  virtual bool adopts() const { return false; }
  /// Stops reporting and lets go, leaving what runs running.
  virtual void detach() = 0;

  virtual Result<LogChunk> read_log(const LogQuery& query) = 0;
  /// How tasks are confined here, for people: e.g. "cgroup v2 at /sys/fs/cgroup/mw".
  virtual std::string containment() const = 0;
  /// Each job is run as its own user. False: as the user that we are, so it takes jobs of no other.
  virtual bool runs_as_users() const { return true; }
  /// Its nodes are several machines: what ranks share on one they may not share here.
  virtual bool has_several_machines() const { return false; }
  /// It can stop and start single ranks of an attempt (DesiredAttempt::kept, leaving). It is told
  /// of neither, else.
  virtual bool replaces_ranks() const { return false; }
  /// False: it has whatever nodes the state has, so those that start() did not report are not lost.
  virtual bool reports_nodes() const { return true; }
};

}  // namespace mw
