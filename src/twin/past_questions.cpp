#include "twin/past_questions.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace mw {
namespace {

constexpr std::size_t kEventsAtOnce = 4096;

}  // namespace

PastQuestions::PastQuestions(Journal& journal, Instant until, const PastQuestionsOptions& options)
    : journal_(journal), options_(options), until_(until) {}

Result<void> PastQuestions::go_on_to(Instant moment) {
  for (;;) {
    std::vector<Event> past;
    for (; !coming_.empty() && coming_.back().event.at <= moment; coming_.pop_back()) {
      last_ = coming_.back().seq;
      past.push_back(std::move(coming_.back().event));
    }
    apply_all(state_, past);
    if (!coming_.empty()) return {};
    EventQuery query;
    query.after = last_;
    query.limit = kEventsAtOnce;
    auto events = journal_.events(query);
    if (!events) return events.error();
    if (events->empty()) return {};
    coming_ = std::move(*events);
    std::reverse(coming_.begin(), coming_.end());
  }
}

Result<PastQuestions::Outcome> PastQuestions::ask_next(const ForecastOptions& options) {
  if (next_ == Instant()) {
    if (auto begun = go_on_to(Instant()); !begun) return begun.error();
    if (coming_.empty()) return Outcome::kDone;
    const Instant first = std::max(coming_.back().event.at, until_ - options_.past);
    every_ = Duration(std::max<std::int64_t>(1, (until_ - first).count() / options_.moments));
    next_ = first + every_;
  }
  if (next_ > until_) return Outcome::kDone;
  const Instant now = next_;
  next_ = next_ + every_;
  if (auto reached = go_on_to(now); !reached) return reached.error();
  found_.look_at(state_);
  Random random(static_cast<std::uint64_t>(now.count()));
  const auto jobs = some_waiting(state_, PastForecasts::kJobsAtOnce, random);
  if (jobs.empty()) return Outcome::kNothing;
  Present present(state_);
  present.state.now = now;
  const auto starts = possible_starts(present, {}, jobs, options);
  if (starts.front().at.size() < PastForecasts::kFuturesEnough) return Outcome::kNothing;
  found_.note(jobs, starts, now);
  return Outcome::kAsked;
}

}  // namespace mw
