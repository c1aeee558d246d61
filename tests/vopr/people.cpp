#include "people.h"

#include <set>

#include "scenario.h"

namespace mw::vopr {
namespace {

constexpr Duration kAsksAgainAfter = seconds(30);

}  // namespace

void People::ask(Instant now, const State& state, std::vector<Input>& inputs) {
  if (now >= again_at_) {
    for (; !again_.empty(); again_.pop_front()) send(std::move(again_.front()), inputs);
    again_at_ = Instant::never();
  }
  if (now < next_) return;
  for (std::uint64_t count = 1 + random_.below(3); count > 0; --count) {
    send(some_ask(now, state), inputs);
  }
  next_ = now + seconds(random_.between(0, random_.chance(1, 4) ? 1200 : 120));
}

void People::find_nobody(Instant now) {
  if (next_ <= now) next_ = now + kAsksAgainAfter;
  if (again_at_ <= now) again_at_ = now + kAsksAgainAfter;
}

void People::ask_for(InputBody body, std::vector<Input>& inputs) {
  send({std::move(body), {}, true}, inputs);
}

void People::take_back(const CancelJob& cancel, Instant now) {
  again_.push_back({cancel, {}, true});
  again_at_ = std::min(again_at_, now);
}

void People::send(Ask ask, std::vector<Input>& inputs) {
  const RequestId request(next_request_++);
  if (std::holds_alternative<SubmitJob>(ask.body)) journal_.foresee(request, ask.truth);
  inputs.push_back({request, ask.body});
  asked_.emplace(request, std::move(ask));
}

JobId People::some_job(const State& state) {
  return JobId(random_.below(state.next_job.value() + 1));
}

std::string People::some_node(const State& state) {
  if (random_.chance(1, 40)) return "no such node";
  return state.topology->name(
      NodeId(static_cast<std::uint32_t>(random_.below(state.nodes.size()))));
}

/// One that there is, if there is any.
std::string People::known_reservation(const State& state) {
  if (state.reservations.empty()) return some_reservation_name(random_);
  auto at = state.reservations.begin();
  std::advance(at, random_.below(state.reservations.size()));
  return at->first;
}

People::Ask People::some_ask(Instant now, const State& state) {
  return random_.chance(2, 3) ? some_submission(now, state) : some_change(now, state);
}

People::Ask People::some_submission(Instant now, const State& state) {
  WorkloadJob job = some_workload_job(random_, now, state);
  if (!said_.empty() && random_.chance(1, 10)) {
    SubmitJob again = said_[random_.below(said_.size())];
    if (random_.chance(1, 4))
      again.spec.change().priority += 1;  // the key for something else: refused
    return {std::move(again), job.truth, true};
  }
  SubmitJob submit{std::move(job.spec), ""};
  if (random_.chance(1, 2)) {
    submit.client_key = "key" + std::to_string(next_key_++);
    said_.push_back(submit);
  }
  const bool safe = !submit.client_key.empty();
  return {std::move(submit), job.truth, safe};
}

People::Ask People::some_change(Instant now, const State& state) {
  const bool whole = random_.chance(1, 3);
  switch (random_.below(12)) {
    case 0:
      return {CancelJob{some_job(state), whole, "a"}, {}, true};
    case 1:
      return {HoldJob{some_job(state), whole, "b"}, {}, true};
    case 2:
    case 3:
      return {ReleaseJob{some_job(state), whole, "c"}, {}, true};
    case 4:
      return {RequeueJob{some_job(state), "d"}, {}, false};
    case 5:
      return {DrainNode{some_node(state), "why", "e"}, {}, true};
    case 6:
      if (random_.chance(1, 3)) return {SetPolicy{some_policy(random_), "g"}, {}, true};
      [[fallthrough]];
    case 7:
    case 8:
      return {ReserveNodes{some_reservation(random_, now, state), "h"}, {}, true};
    case 9:
      return {ReleaseReservation{known_reservation(state), "i"}, {}, true};
    default:
      return {ResumeNode{some_node(state), "f"}, {}, true};
  }
}

void People::answered(const std::vector<Event>& events) {
  std::set<RequestId> heard;
  for (const Event& event : events) {
    const auto ask = asked_.find(event.request);
    if (ask == asked_.end()) continue;
    heard.insert(event.request);
    const auto* submit = std::get_if<SubmitJob>(&ask->second.body);
    if (submit == nullptr) continue;
    JobId job;
    if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) job = submitted->job;
    if (const auto* repeated = std::get_if<SubmitRepeated>(&event.body)) job = repeated->job;
    if (job == JobId()) continue;
    promised_[job] = {submit->spec.pointer(), submit->client_key};
    if (submit->client_key.empty()) continue;
    const auto known = job_of_key_.emplace(submit->client_key, job).first;
    if (known->second != job) throw Broken("one client key was answered with two jobs");
  }
  if (heard.size() != asked_.size()) throw Broken("somebody asked, and was not answered");
  asked_.clear();
}

void People::unanswered(Instant now, bool nothing_done) {
  for (auto& [request, ask] : asked_) {
    if (ask.safe || nothing_done) again_.push_back(std::move(ask));
  }
  asked_.clear();
  if (!again_.empty()) again_at_ = now + kAsksAgainAfter;
}

void People::check(const State& state) const {
  for (const auto& [job, promised] : promised_) {
    for (std::uint32_t i = 0; i < promised.spec->array; ++i) {
      const JobId id(job.value() + i);
      if (state.jobs.find(id) == nullptr)
        throw Broken(name_of_job(id) + " was promised, and is lost");
    }
    const JobRecord& record = state.records.at(job);
    if (!(*record.spec == *promised.spec) || record.client_key != promised.key) {
      throw Broken(name_of_job(job) + " is not the one that was submitted");
    }
  }
}

}  // namespace mw::vopr
