// The simulated machines: an engine whose tasks take simulated time. It implements the very port
// that real engines do (loop/engine.h), so the loop above it is the one that runs live.
//
// An attempt starts, works from checkpoint to checkpoint, and ends when its work is done, when it
// is told to stop, or when a node below it breaks. What it had saved is where the next one goes on.
// Messages in both directions may be lost, doubled and late (MessageFaults); the port's contract,
// to tell again what is so until it is forgotten, is what makes that harmless.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "core/state.h"
#include "core/topology.h"
#include "loop/engine.h"
#include "model/input.h"
#include "twin/calendar.h"
#include "twin/fault_source.h"
#include "twin/physics.h"
#include "twin/workload.h"

namespace mw {

/// What becomes of messages between the control plane and the engine.
struct MessageFaults {
  std::uint32_t lost_percent = 0;
  std::uint32_t doubled_percent = 0;
  Duration delay_max;  ///< each is late by up to this, so they overtake one another
  [[nodiscard]] bool none() const {
    return lost_percent == 0 && doubled_percent == 0 && delay_max.count() == 0;
  }
  bool operator==(const MessageFaults&) const = default;
  MW_FIELDS(lost_percent, doubled_percent, delay_max)
};

/// A job as the world knows it; kept for as long as the run.
struct LiveJob {
  JobTruth truth;
  Instant submitted;
  std::int64_t saved = 0;     ///< work in its last checkpoint
  std::int32_t attempt = -1;  ///< World's; -1: none
  Epoch ended;                ///< the engine starts nothing of this epoch, or an older one
  Epoch let_go;               ///< the control plane has said that this one is over, heard or not
  AcceleratorShare accelerators;  ///< asked for
};

/// Power that a site's IT draws and has drawn.
struct SiteMeter {
  Watts draw;
  Watts peak;
  Int128 energy = 0;  ///< milliwatts x nanoseconds, up to `since`
  Instant since;
};

class World final : public Engine {
 public:
  World(Topology topology, const Physics& physics, const MessageFaults& messages,
        std::uint64_t seed);

  // The port. Observations go to what advance() returns, not to a sink.
  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override;
  void set(DesiredAttempt desired) override;
  void forget(JobId job, Epoch epoch) override;
  bool replaces_ranks() const override { return true; }
  void remedy(DesiredRemedy desired) override;
  void forget_remedy(const std::string& node, Epoch remedy) override;
  void detach() override {}
  Result<LogChunk> read_log(const LogQuery& query) override;
  std::string containment() const override { return "nothing: simulated"; }

  /// Jobs `first` .. `first + spec.array - 1` exist now, as was made durable.
  void submitted(Instant now, JobId first, const JobSpec& spec, const JobTruth& truth);
  // Going on from a state that is there already.
  void begin_at(Instant now);
  /// An attempt that the state has; when it runs, as far as it says.
  void adopt(DesiredAttempt desired, const Attempt& attempt);
  /// The node is lost already, and nobody knows when it will be back: it will not.
  void stays_down(NodeId node);

  /// When something happens next by itself.
  [[nodiscard]] Instant next() const { return early_.empty() ? calendar_.next() : now_; }
  /// Lets what is due by `now` happen, and appends what the control plane hears of it.
  void advance(Instant now, std::vector<Input>& heard);
  void apply(const NodeFault& fault);
  /// Nothing is wrong with the node just now.
  [[nodiscard]] bool is_well(NodeId node) const;
  /// It answers and does what it is given, be it slowly.
  [[nodiscard]] bool works(NodeId node) const;
  /// From now on messages fare like this; those on their way arrive as they would have.
  void set_messages(const MessageFaults& messages);

  [[nodiscard]] const Topology& topology() const { return topology_; }
  [[nodiscard]] const LiveJob& job(JobId id) const { return live(id); }
  /// What the slice's accelerators draw when their job works.
  [[nodiscard]] Watts draw_at_work(const NodeSlice& slice) const {
    return slice_draw(physics_, topology_, slice);
  }
  /// So many of a hundred repairs fail.
  void set_remedies_failing(std::uint32_t percent) { remedies_failing_ = percent; }
  /// Repairs of one node at once, or of a node with work on it, ever; stays 0 or the control plane
  /// is wrong.
  [[nodiscard]] std::uint64_t wrong_remedies() const { return wrong_remedies_; }
  [[nodiscard]] std::uint64_t remedies_done() const { return remedies_done_; }
  /// Checks of idle nodes that have ended by themselves.
  [[nodiscard]] std::uint64_t checks_done() const { return checks_done_; }
  /// Attempts that began where a check still ran, ever; stays 0 or the control plane is wrong.
  [[nodiscard]] std::uint64_t checks_in_the_way() const { return checks_in_the_way_; }
  /// Things that have happened: each is an entry of the calendar.
  [[nodiscard]] std::uint64_t happened() const { return happened_; }
  /// Tasks of two attempts of one job at once, ever; stays 0 or the control plane is wrong.
  [[nodiscard]] std::uint64_t doubled_starts() const { return doubled_starts_; }
  /// The attempt has begun on the machines, and has not ended there.
  [[nodiscard]] bool runs(JobId id, Epoch epoch) const {
    if (live(id).attempt < 0) return false;
    const Running& running = attempts_[static_cast<std::size_t>(live(id).attempt)];
    return running.epoch == epoch && running.phase != Phase::kEnded;
  }
  /// Attempts that have anything left on the machines.
  [[nodiscard]] std::size_t attempts() const { return in_use_; }
  /// Attempts that were not forgotten yet: those, and records of ended ones.
  [[nodiscard]] std::size_t records() const { return attempts_.size() - unused_.size(); }
  struct MessageCounts {
    std::uint64_t sent = 0;
    std::uint64_t lost = 0;
    std::uint64_t doubled = 0;
  };
  [[nodiscard]] const MessageCounts& message_counts() const { return message_counts_; }
  /// Idle draw included, brought up to date.
  const SiteMeter& meter(SiteId site, Instant now);

 private:
  /// How often an engine looks at its machines, where what it says may be lost.
  static constexpr Duration kRepeatReports = seconds(60);
  enum class Phase : std::uint8_t { kUnused, kStarting, kRunning, kSaving, kStopping, kEnded };
  struct Running {
    Phase phase = Phase::kUnused;
    bool stalled = false;   ///< a node below it is gone, and nothing moves any more
    bool vanished = false;  ///< with all its nodes: nobody is left to report it
    bool no_start = false;  ///< one of its nodes cannot start it
    JobId job;
    Epoch epoch;
    std::vector<Epoch> since_epochs;  ///< of attempts whose ranks may be among it, its own last
    AttemptNumber number;
    std::uint32_t version = 0;  ///< of what is planned; older entries of the calendar are void
    std::shared_ptr<const JobSpec> spec;
    Placement placement;
    std::vector<bool> gone;       ///< slices of `placement` whose node went down under them
    std::vector<LostSlice> left;  ///< ranks that were stopped while the others wait for new ones
    Duration grace;
    std::int64_t speed = kFullSpeed;
    std::int64_t done = 0;  ///< work, up to `since`
    std::int64_t goal = 0;  ///< work at which this stretch ends: a checkpoint, or all of it
    Instant since;
    TaskExit exit;                  ///< how it ended
    std::int32_t failed_rank = -1;  ///< of a task that failed by itself
    NodeId broken = kNoId<NodeId>;  ///< the node below it that is broken, and made it stop
  };
  /// It works, or saves what it has.
  static bool is_working(Phase phase) {
    return phase == Phase::kRunning || phase == Phase::kSaving;
  }
  enum class Kind : std::uint8_t {
    kAttempt,   ///< what is next for an attempt
    kHeard,     ///< an observation arrives
    kOrder,     ///< a command arrives
    kDetected,  ///< the engine notices that a node is gone
    kRepaired,
    kRepeat,   ///< what is so of an attempt is told again
    kMended,   ///< a remedy has ended
    kTold,     ///< somebody tells of a fault
    kCrashes,  ///< a task that hangs on a broken node gives up
  };
  struct Entry {
    Kind kind = Kind::kAttempt;
    std::uint32_t index = 0;    ///< of the attempt, the message, the fault, or the node
    std::uint32_t version = 0;  ///< of the attempt
    std::int64_t amount = 0;    ///< the epoch of the attempt or of the remedy
  };

  /// What is being done to a node, or was, and is not forgotten.
  struct Mending {
    Epoch remedy;
    FaultAction action = FaultAction::kReboot;
    bool ended = false;
    bool ok = false;
    bool yields = false;  ///< a check of an idle node
  };
  /// A fault of one node that is not over.
  struct OpenFault {
    NodeId node;
    FaultEffect effect = FaultEffect::kDown;
    std::int64_t slower = 0;  ///< by how much, in thousandths
    std::string code;
    std::string component;
    std::optional<FaultAction> mended_by;
  };
  struct NodeState {
    std::uint32_t down = 0;      ///< faults that keep it down
    std::uint32_t broken = 0;    ///< faults by which nothing works there
    std::uint32_t no_start = 0;  ///< faults by which nothing starts there
    bool told_lost = false;
    std::int64_t speed_milli = 1000;
    std::vector<std::uint32_t> attempts;
  };

  [[nodiscard]] LiveJob& live(JobId id) { return jobs_[id.value() - first_job_]; }
  [[nodiscard]] const LiveJob& live(JobId id) const { return jobs_[id.value() - first_job_]; }
  void grow_to(JobId id);
  [[nodiscard]] bool is_void(const Entry& entry) const;
  void happen(const Entry& entry);
  void obey(const DesiredAttempt& desired);
  std::uint32_t begin(const DesiredAttempt& desired);
  /// Ranks that were started under that epoch are to go on.
  [[nodiscard]] static bool keeps(const DesiredAttempt& desired, const Running& earlier);
  [[nodiscard]] static bool goes_on(const DesiredAttempt& desired, const Running& earlier);
  [[nodiscard]] bool can_start(const DesiredAttempt& desired) const;
  void start_on(std::uint32_t index, const DesiredAttempt& desired);
  void go_on(std::uint32_t index, const DesiredAttempt& desired);
  void stop_ranks(std::uint32_t index, const std::vector<LostSlice>& leaving);
  void stop(std::uint32_t index, Duration grace);
  void forgotten(JobId job, Epoch epoch);
  void proceed(std::uint32_t index);
  void work_on(std::uint32_t index);
  void reached(std::uint32_t index);
  void saved(std::uint32_t index);
  void end(std::uint32_t index, const TaskExit& exit);
  void leave(std::uint32_t index);
  void report(std::uint32_t index);
  void repeat(std::uint32_t index, std::int64_t epoch);
  void vanish_if_gone(std::uint32_t index);
  [[nodiscard]] std::optional<Rank> first_gone(const Running& running) const;
  void plan(std::uint32_t index, Duration after);
  void settle(Running& running) const;
  [[nodiscard]] std::int64_t speed_now(const Running& running) const;
  void stay(std::uint32_t index, bool there);
  void change_speed(NodeId node, std::int64_t by_milli);
  void node_down(NodeId node);
  void node_broken(NodeId node);
  void halt(std::uint32_t index, NodeId node, Duration until_it_gives_up);
  void crashes(std::uint32_t index, Epoch epoch);
  void task_fails(NodeId node);
  void fail_task(std::uint32_t index, NodeId node);
  void tell(NodeId node, const std::string& code, const std::string& component);
  void repaired(std::uint32_t fault);
  void mend_by(NodeId node, FaultAction action);
  [[nodiscard]] Duration length_of(FaultAction action) const;
  void mended(NodeId node, Epoch remedy);
  void tell_mended(NodeId node, const Mending& mending, const char* detail);
  void end_idle_checks();
  void look_for_checks(const Placement& placement);
  [[nodiscard]] CheckResult measured(NodeId node, Epoch check, bool ok);
  void hear(InputBody body);
  [[nodiscard]] Instant arrival();
  std::uint32_t copies_sent();

  const Topology topology_;
  const Physics physics_;
  MessageFaults messages_;
  bool unreliable_;  ///< messages have been lost, or may be
  Epoch newest_;     ///< that was ever set
  Random random_;
  Instant now_;
  Calendar<Entry> calendar_;
  std::vector<Input> early_;   ///< heard, and not handed out yet
  std::vector<LiveJob> jobs_;  ///< by id, from first_job_ on
  std::uint64_t first_job_ = 0;
  std::vector<Running> attempts_;
  std::vector<std::uint32_t> unused_;
  std::size_t in_use_ = 0;  ///< of attempts_, those that have not ended
  std::vector<NodeState> nodes_;
  std::vector<SiteMeter> meters_;
  std::map<std::uint32_t, InputBody> mail_;  ///< on its way, by number
  std::map<std::uint32_t, std::variant<DesiredAttempt, std::pair<JobId, Epoch>>> orders_;
  std::uint32_t next_mail_ = 0;
  std::uint64_t happened_ = 0;
  MessageCounts message_counts_;
  std::uint64_t doubled_starts_ = 0;
  std::map<std::uint32_t, OpenFault> open_;  ///< faults, by number
  std::uint32_t next_fault_ = 0;
  std::map<std::uint32_t, FaultReport> tellings_;  ///< on their way, by number
  std::uint32_t next_telling_ = 0;
  std::map<NodeId, Mending> mending_;
  std::map<NodeId, Epoch> newest_remedy_;  ///< by node: told or forgotten
  std::uint32_t remedies_failing_ = 0;
  std::uint64_t wrong_remedies_ = 0;
  std::uint64_t remedies_done_ = 0;
  std::uint64_t checks_done_ = 0;
  std::uint64_t checks_in_the_way_ = 0;
  const std::uint64_t seed_;
};

}  // namespace mw
