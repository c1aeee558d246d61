// The people: they submit, cancel, hold, release and requeue jobs, drain and resume nodes, set
// nodes aside by the calendar, and change the policy. They remember what they were told, and hold
// the control plane to it. Whoever gets no answer asks again where that is safe: with a client key,
// or where nothing was done.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "base/random.h"
#include "core/state.h"
#include "model/event.h"
#include "model/input.h"
#include "store.h"

namespace mw::vopr {

class People {
 public:
  People(Random random, WatchedJournal& journal) : random_(random), journal_(journal) {}

  /// When somebody wants something next.
  [[nodiscard]] Instant next() const { return again_.empty() ? next_ : std::min(next_, again_at_); }
  /// From now on they only ask again what was not answered.
  void stop_asking() { next_ = Instant::never(); }
  /// Appends what is asked now. `state` is what people can see.
  void ask(Instant now, const State& state, std::vector<Input>& inputs);
  /// Appends one request, whenever that is.
  void ask_for(InputBody body, std::vector<Input>& inputs);
  /// An owner who takes a job back once it has done so much: asked until it is answered.
  void take_back(const CancelJob& cancel, Instant now);

  /// Nobody is there to be asked.
  void find_nobody(Instant now);

  /// All that was asked since the last call was answered by these events, made durable.
  void answered(const std::vector<Event>& events);
  /// None of it was answered. `nothing_done`: they were told so.
  void unanswered(Instant now, bool nothing_done);

  /// Holds a state against what was promised.
  void check(const State& state) const;

 private:
  struct Ask {
    InputBody body;
    JobTruth truth;
    bool safe = false;  ///< to be asked twice
  };
  void send(Ask ask, std::vector<Input>& inputs);
  Ask some_ask(Instant now, const State& state);
  Ask some_change(Instant now, const State& state);
  Ask some_submission(Instant now, const State& state);
  JobId some_job(const State& state);
  std::string some_node(const State& state);
  std::string known_reservation(const State& state);

  /// What somebody was told exists.
  struct Promised {
    std::shared_ptr<const JobSpec> spec;
    std::string key;
  };

  Random random_;
  WatchedJournal& journal_;
  Instant next_;
  Instant again_at_ = Instant::never();
  std::deque<Ask> again_;
  std::map<RequestId, Ask> asked_;
  std::map<JobId, Promised> promised_;  ///< by the first job of each submission
  std::map<std::string, JobId> job_of_key_;
  std::uint64_t next_request_ = 1;
  std::uint64_t next_key_ = 1;
  std::vector<SubmitJob> said_;  ///< with a key: to be said again
};

}  // namespace mw::vopr
