// Incidents, told from events alone: something broke, what was decided and done about it, which
// jobs it hit, what work that undid, and when everything was back. One is of a node (or of a job,
// where no node is to blame, or a rack, leaf, power path or site, where a breaker keeps more from
// being done) from the first that was heard of it until the node is in service and
// the jobs run again. It decides nothing and is no part of the state: whoever wants incidents folds
// the events, from the first one on, so they are the same after every restart.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "core/job_map.h"
#include "model/event.h"
#include "model/placement.h"

namespace mw {

/// Those that are over are kept until so many have ended after them.
inline constexpr std::size_t kIncidentsRemembered = 1'000;
/// Of one incident; of more it is said how many.
inline constexpr std::size_t kIncidentEventsKept = 100;
inline constexpr std::size_t kIncidentJobsKept = 32;

/// A job that an incident stopped.
struct IncidentJob {
  JobId job;
  AttemptNumber attempt;
  EndCause cause = EndCause::kFaulty;
  Instant stopped_at;
  std::optional<Instant> ended_at;
  AcceleratorTime lost_work;
  std::optional<Instant> running_at;  ///< again
  bool over = false;                  ///< it runs again, or is over for good
  bool operator==(const IncidentJob&) const = default;
};

struct Incident {
  EventSeq id;                   ///< of the event that it began with
  std::optional<NodeId> node{};  ///< or else
  JobId job{};
  /// Or else something above nodes, where more is to be done than is: what is done to its nodes is
  /// an incident of each of them.
  FaultReach scope = FaultReach::kNode;
  std::string place;
  std::string code;     ///< of the fault; of what came without one, what it is called
  Instant happened_at;  ///< as its source says
  Instant begun_at;     ///< when it was heard of
  FaultAction action = FaultAction::kIgnore;  ///< the most that was done
  bool withheld = false;                      ///< something is not done until a person decides
  std::optional<Instant> acted_at{};          ///< the first job was stopped, or the node taken out
  std::optional<Instant> back_at{};           ///< the node is in service again
  std::optional<Instant> ended_at{};
  std::uint64_t jobs_hit = 0;
  AcceleratorTime lost_work;
  std::vector<IncidentJob> jobs{};  ///< the first of them
  std::vector<EventSeq> events{};   ///< what happened, in order
  std::uint64_t events_left_out = 0;
};

class Incidents {
 public:
  /// REQUIRES: all events from the first one on, in order.
  void note(EventSeq seq, const Event& event);
  /// Nothing more comes of what was noted before `now`: what is over by then is over.
  void until(Instant now);

  /// By id.
  [[nodiscard]] const std::map<EventSeq, Incident>& all() const { return all_; }
  [[nodiscard]] std::uint64_t open() const { return all_.size() - closed_.size(); }
  /// In all, also those that are not kept any more.
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  struct Told {
    std::string code;
    EventSeq seq;
    Instant at;
  };
  struct NodeStatus {
    NodePhase phase = NodePhase::kReady;
    bool lost = false;
  };
  struct Running {
    AttemptNumber attempt;
    Placement placement;
    bool stopped = false;  ///< by an incident, which knows of it
  };

  Incident& open_on(NodeId node, std::string_view code, EventSeq seq, Instant at);
  Incident& open_on(JobId job, std::string_view code, EventSeq seq, Instant at);
  [[nodiscard]] std::optional<EventSeq> trip_behind(const FaultJudged& event) const;
  static void add_trip(Incident& incident, EventSeq trip);
  void judged_of_place(const FaultJudged& event, EventSeq seq, Instant at);
  Incident& open_with(const std::vector<Told>* told, std::string_view code, EventSeq seq,
                      Instant at);
  Incident* of_node(NodeId node);
  static void add(Incident& incident, EventSeq seq);
  void remember(std::vector<Told>& told, const FaultNoted& event, EventSeq seq);
  void fault_noted(const FaultNoted& event, EventSeq seq);
  void judged(const FaultJudged& event, EventSeq seq, Instant at);
  void status_changed(NodeId node, const NodeStatus& status, EventSeq seq, Instant at);
  void stopped(JobId job, EndCause cause, EventSeq seq, Instant at);
  void ended(const AttemptEnded& event, EventSeq seq, Instant at);
  void job_over(JobId job, EventSeq seq, Instant at, bool runs);
  Incident* waits_in(JobId job);
  static IncidentJob* last_of(Incident& incident, JobId job);
  void waits_no_more(Incident& incident, JobId job);
  void close_if_over(EventSeq id, Instant at);
  void release(EventSeq id, EventSeq seq);

  std::map<EventSeq, Incident> all_;
  std::deque<EventSeq> closed_;  ///< in the order in which they ended
  std::uint64_t count_ = 0;
  std::map<NodeId, EventSeq> open_nodes_;
  std::map<JobId, EventSeq> open_jobs_;
  using Place = std::pair<FaultReach, std::string>;
  std::map<Place, EventSeq> open_places_;
  std::map<JobId, EventSeq> waiting_;  ///< jobs that are to run again, and since which incident
  std::map<EventSeq, std::uint64_t> waiting_of_;  ///< how many of them, by incident
  std::map<std::string, EventSeq> tripped_;       ///< the last time of each, by what is said of it
  std::set<EventSeq> fresh_;  ///< begun at the present instant: what follows from them is to come
  Instant now_;
  std::map<NodeId, NodeStatus> status_;  ///< of nodes that are not just in service
  std::map<NodeId, std::vector<Told>> told_;
  std::map<JobId, std::vector<Told>> told_of_jobs_;
  JobMap<Running> running_;
};

}  // namespace mw
