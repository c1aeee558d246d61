// One step, taken apart: handle each input, then what is due, then the passes that decide what
// starts. Every change goes through emit(), which applies the event at once, so later parts of a
// step see what earlier ones did.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/core.h"
#include "core/fair_order.h"
#include "core/job_placer.h"
#include "core/retries.h"
#include "core/state.h"
#include "core/wakes.h"

namespace mw {

/// Who tells of faults that the control plane itself has found.
inline constexpr const char* kSelf = "the control plane";

class Core::Stepper {
 public:
  explicit Stepper(State state);

  std::vector<Event> step(Instant now, std::span<const Input> inputs);
  [[nodiscard]] Instant next_wakeup() const;
  [[nodiscard]] const State& state() const { return state_; }
  [[nodiscard]] bool has_tried() const { return has_tried_; }
  [[nodiscard]] std::string difference_from(const Stepper& other) const;

  // What was asked and observed (handle_*.cpp).
  void operator()(const SubmitJob& input);
  void operator()(const CancelJob& input);
  void operator()(const HoldJob& input);
  void operator()(const ReleaseJob& input);
  void operator()(const RequeueJob& input);
  void operator()(const DrainNode& input);
  void operator()(const ResumeNode& input);
  void operator()(const MoveNode& input);
  void operator()(const SetFaultPolicy& input);
  void operator()(const ResetBreaker& input);
  void operator()(const DeclareFleet& input);
  void operator()(const SetPolicy& input);
  void operator()(const ReserveNodes& input);
  void operator()(const ReleaseReservation& input);
  void operator()(const ControllerStarted& input);
  void operator()(const NodeSeen& input);
  void operator()(const NodeLost& input);
  void operator()(const NodeUseReported& input);
  void operator()(const FaultReported& input);
  void operator()(const FaultCleared& input);
  void operator()(const RemedyReported& input);
  void operator()(const AttemptStarted& input);
  void operator()(const TaskExited& input);
  void operator()(const AttemptExited& input);
  void operator()(const AttemptGone& input);
  void operator()(const ReportProgress& input);
  void operator()(const ReportStepTimes& input);
  void operator()(const CheckpointBegun& input);
  void operator()(const CheckpointSaved& input);

 private:
  void emit(EventBody body);
  /// Takes in the new nodes that the first inputs tell of; so many inputs that was.
  std::size_t join(std::span<const Input> inputs);
  void refuse(Refusal refusal);
  /// The unfinished jobs that an input about `job` means; refuses when there are none.
  std::vector<JobId> targets(JobId job, bool whole_array);
  void cancel(JobId job, const std::string& by);
  [[nodiscard]] std::optional<Refusal> fault_of(const JobSpec& spec) const;  ///< none: it is taken

  // Attempts (lifecycle.cpp).
  const Attempt* current(JobId job, Epoch epoch) const;
  /// The job's attempt if the report is of one of its processes; otherwise refuses and returns
  /// null.
  const Attempt* reporting(JobId job, AttemptNumber number, std::optional<Rank> rank = {});
  void stop_attempt(const Attempt& attempt, EndCause cause, const std::string& by);
  void end_attempt(JobId job, EndCause cause, const std::string& detail,
                   std::optional<NodeId> failed_on = {});
  void plan_restart(JobId job, EndCause cause);
  void end_overdue();
  void finish(JobId job, JobState state, const std::string& by);

  // What waits for the clock or for other jobs (waiting.cpp).
  void let_in_due();
  void settle_record(JobId record);
  void give_up_pending(JobId record, JobState state, const std::string& by);
  void boost_starved();

  // Nodes that are set aside (handle_reservations.cpp).
  void turn_reservations();
  void end_reservation(const std::string& name, const std::string& by);
  void mend_reservations();
  [[nodiscard]] std::optional<Refusal> reservation_fault_of(const JobSpec& spec) const;
  void drop_overtaken_claims();
  bool see_as(JobId job);

  // A node's life (handle_nodes.cpp).
  /// How what is on a node leaves it.
  struct Leave {
    EndCause cause = EndCause::kDrained;
    std::string by;
    bool asked = false;  ///< to save first
    bool stays = false;  ///< the node is not to be left: what is there starts again
  };
  void turn_health();
  void move_node(NodeId node, NodePhase to, Mover mover, const std::string& reason,
                 const std::string& by, std::optional<DrainOrder> drain = std::nullopt);
  void begin_drain(NodeId node, DrainOrder order, Mover mover, const std::string& reason,
                   const std::string& by);
  void drain_by_hand(NodeId node, DrainOrder order, const std::string& reason,
                     const std::string& by);
  [[nodiscard]] std::optional<NodeId> node_named(const std::string& name);
  [[nodiscard]] bool let_go_of(NodeId node, const std::string& reason, const std::string& by);
  void leave_for_drains();
  void leave_nodes(const std::map<NodeId, Leave>& leaving);
  [[nodiscard]] const std::string* restart_of(const NodeSlice& slice) const;
  void leave_after_checkpoint(const Attempt& attempt);
  void want_checkpoint(const Attempt& attempt);
  void finish_drain(NodeId node);
  void note_leaving(const EventBody& body);
  void nodes_due();

  // What others use (handle_others.cpp).
  void use_for_others(NodeId node, const OthersUse& use);
  void make_up_for_others();

  // Faults (handle_faults.cpp, fault_actions.cpp, remedies.cpp).
  bool note_fault(FaultReport report);
  [[nodiscard]] bool is_news(const FaultReport& report, const FaultPlace& place) const;
  void note_lost(NodeId node, bool lost);
  void silent_due();
  void judge_all();
  /// A fault: where, its code, of which accelerator.
  using Judged = std::tuple<FaultPlace, std::string, std::optional<std::uint32_t>>;
  struct Verdict;
  struct NotDone;
  struct Deeds;
  void judge(const Judged& judged, bool is_news);
  [[nodiscard]] Deeds act(const FaultPlace& place, const Verdict& verdict,
                          const std::vector<NodeId>& nodes);
  [[nodiscard]] std::optional<NotDone> act_on(NodeId node, const Verdict& verdict);
  [[nodiscard]] std::optional<NotDone> watch(NodeId node, const Verdict& verdict);
  [[nodiscard]] std::optional<NotDone> take_out(NodeId node, const Verdict& verdict);
  [[nodiscard]] std::optional<NotDone> restart_on(NodeId node, const Verdict& verdict);
  [[nodiscard]] std::optional<NotDone> breaker_before(NodeId node, const Verdict& verdict);
  void judge_again(const FaultPlace& place);
  void give_back(NodeId node, const std::string& code, std::optional<std::uint32_t> device);
  void plan_remedy(NodeId node, FaultAction action, const std::string& code,
                   std::optional<std::uint32_t> device, const std::string& by);
  void begin_remedy(NodeId node);
  void validate(NodeId node, const std::string& by);
  void end_remedy(NodeId node, bool ok, const std::string& detail,
                  const std::optional<CheckResult>& check = std::nullopt);

  // Proving nodes (proving.cpp).
  void turn_checks();
  void prove_new_nodes();
  void begin_checks();
  [[nodiscard]] std::optional<NodeId> next_idle(SiteId site) const;
  [[nodiscard]] std::optional<NodePhase> phase_of_new() const;
  void end_check(NodeId node, CheckOutcome outcome, const std::string& detail,
                 const std::vector<Measure>& measures);
  void yield_checks(const EventBody& body);
  void yield_check(NodeId node, const std::string& why);
  void judge_check(NodeId node, CheckOutcome outcome, const std::string& detail,
                   const std::vector<Measure>& measures);
  void say_of_check(NodeId node, std::string_view code, bool is_so, const std::string& detail);
  [[nodiscard]] std::optional<Instant> next_check() const;

  // Surviving (handle_resilience.cpp, spares.cpp).
  void keep_good_nodes(JobId job, const Placement& placement, std::vector<LostSlice> lost,
                       Instant until);
  void note_kept(const EventBody& body);
  void mend_holds();
  void turn_gaps();
  [[nodiscard]] bool may_use_spares(JobId job) const;
  [[nodiscard]] std::optional<Placement> find_place(JobId job, NoPlace& why);
  [[nodiscard]] bool fails_there_again(const Attempt& attempt, EndCause cause) const;
  bool end_crash_loop(JobId job);
  void blame_node(JobId job);
  void tell_of_start(NodeId node, const std::string& detail);
  /// What is told by nobody else: found out by the control plane itself.
  [[nodiscard]] FaultReport own_report(NodeId node, std::string_view source, std::string_view code,
                                       const std::string& detail) const;
  void tell_of_node(NodeId node, std::string_view code, const std::string& detail, JobId job = {},
                    std::optional<Rank> rank = {});
  void find_lemons();
  void find_lemon(NodeId node, const LemonRules& rules);
  void turn_spares();
  void note_spares(const EventBody& body);

  // Replacing ranks while the others go on (in_place.cpp).
  void lose_ranks(JobId job, const Leave& leave, const std::set<NodeId>& nodes);
  [[nodiscard]] bool may_lose(const Attempt& attempt, const std::vector<LostSlice>& lost) const;
  void replace_lost_ranks();
  [[nodiscard]] bool replace_ranks(JobId job);

  // What is kept goes to whom it is for (giving_back.cpp).
  bool give_back_spares_for(JobId job);
  bool take_kept_for(JobId job);
  [[nodiscard]] std::optional<Claim> choose_beyond_kept(JobId job,
                                                        const std::vector<JobId>& owners);
  void give_up_kept(const std::vector<JobId>& owners, const Claim& claim);

  // Deciding (passes.cpp).
  void decide();
  void start_restarts();
  void allocate();
  [[nodiscard]] JobId head_of(ClassId id) const;
  bool try_job(JobId job, NoPlace& why);
  /// The tenant that would be over its limit if the job started.
  [[nodiscard]] std::optional<TenantId> over_limit(JobId job) const;
  [[nodiscard]] bool exceeds_limit(JobId job) const;
  void note_over_quota(JobId job, TenantId limit);
  void raise_barriers();
  [[nodiscard]] std::optional<TenantId> barrier_before(ClassId id) const;
  void start(JobId job, Placement placement);
  void note_blocked(JobId job, PendingReason reason);
  void explain_idle();
  void note_freed(const EventBody& body);
  void note_lent_again(JobId job);
  void note_waiting(const EventBody& body);
  void remember_nothing();
  void forget_failures();

  // Keeping capacity for those who cannot start (claiming.cpp).
  void backfill();
  std::optional<Placement> place_behind_claims(JobId job);
  bool claim_for(JobId job);  ///< true: it could start after all
  bool may_ever_fit(JobId job);
  bool is_to_be_searched_for(JobId job);
  void note_searched(JobId job);
  bool waits_for_its_plan(ClassId id, JobId head);
  [[nodiscard]] bool is_told(JobId job) const;
  bool stop_others_for(JobId job);
  bool plan_for(JobId job);
  [[nodiscard]] std::optional<std::vector<JobId>> plans_before(JobId job) const;
  [[nodiscard]] std::vector<JobId> plans_in_the_way(const Claim& claim,
                                                    const std::vector<JobId>& lower) const;
  std::optional<Claim> find_plan(JobId job, bool starved);
  bool move_others_for(JobId job);
  void stop_for(JobId job, Claim claim, EndCause cause);

  // Elastic jobs (growing.cpp).
  void grow();
  [[nodiscard]] bool is_worth_growing(const Attempt& attempt);

  State state_;
  Instant now_;
  RequestId request_;
  std::vector<Event> events_;
  // Of this step: what is left to do about nodes and faults when its inputs have been handled.
  std::set<NodeId> emptied_;   ///< something has left them, or they began to drain
  std::set<NodeId> to_clear_;  ///< drains that have begun, or want more than before
  /// Of a node, or one of its accelerators: what runs there is to start again, and why.
  struct Restart {
    std::optional<std::uint32_t> device;
    std::string reason;
  };
  std::map<NodeId, std::vector<Restart>> restarting_;
  std::map<Judged, bool> judged_;  ///< true: it has just happened (again)
  std::vector<FaultGone> over_;    ///< faults that are gone
  struct BrokenHold {
    JobId job;
    Placement placement;
    std::vector<LostSlice> lost;
    Instant until;
  };
  std::vector<BrokenHold> broken_;  ///< by the event at hand
  std::size_t mended_ = 0;          ///< so many events have been looked at for reservations
  std::set<NodeId> lemons_;         ///< that may be one now
  bool has_tried_ = false;          ///< in this step, to find a place for somebody
  // Memory of what was tried. Most only saves time, but when something is searched for again
  // decides too: so a step that tries is stored, even without an event (has_tried); and all is
  // forgotten where the journal says that a control plane took over, which has none of it
  // (remember_nothing).
  JobPlacer placer_;  ///< what it knows of power tells how much is missing of what does not fit
  Wakes wakes_;
  std::vector<ClassId> failed_;  ///< tried in this pass and did not fit, in the order of the pass
  Retries retries_;
  Instant backfill_at_;    ///< not before this, where much is claimed
  bool searched_ = false;  ///< more was done for the job at hand than looking for a place
  std::set<JobId> sleeping_restarts_;  ///< due, tried, and nothing has come free since
  std::map<ClassId, std::pair<TenantId, std::uint64_t>> barriers_;  ///< waits too long for quota
  bool spares_due_ = true;          ///< others may have to be in reserve
  bool spares_short_ = false;       ///< fewer are than should be
  Instant grow_at_;                 ///< nobody grows before this, unless something comes free
  Instant starving_at_;             ///< nobody has waited too long before this
  Instant looked_at_{-1};           ///< the calendar, up to and including this; -1: never
  std::uint64_t reasons_left_ = 0;  ///< nodes that may yet be looked at in this step to say why
};

}  // namespace mw
