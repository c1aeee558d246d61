// What forecasts would have been worth, from the journal: its history is gone through again, at
// some moments of it one asks when jobs start that waited then, with what could be known by then
// only, and sees from the same history when they did. So a control plane that was started anew, or
// a new version that forecasts otherwise, knows at once how far its answers are to be moved.
// One question at a time, because each takes seconds and there are others to be answered.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "core/state.h"
#include "loop/journal.h"
#include "twin/past_forecasts.h"

namespace mw {

struct PastQuestionsOptions {
  /// Of how much of the past is asked. Waits of days make few independent ones of two weeks.
  Duration past = hours(24 * 60);
  std::int64_t moments = 120;  ///< evenly spread over that
};

class PastQuestions {
 public:
  enum class Outcome : std::uint8_t {
    kAsked,
    kNothing,  ///< nobody waited then, or the time was too short for an answer
    kDone      ///< there is no further moment
  };

  /// `until`: the end of the past; the journal outlives this.
  PastQuestions(Journal& journal, Instant until, const PastQuestionsOptions& options = {});

  /// Goes on to the next moment and asks there.
  /// Errors: what the journal answers.
  Result<Outcome> ask_next(const ForecastOptions& options);
  /// What is known by the moment that was reached.
  [[nodiscard]] const PastForecasts& found() const { return found_; }

 private:
  Result<void> go_on_to(Instant moment);

  Journal& journal_;
  PastQuestionsOptions options_;
  Instant until_;
  Instant next_;  ///< a moment; the beginning of time: not known yet
  Duration every_;
  State state_;
  EventSeq last_;                    ///< applied
  std::vector<StoredEvent> coming_;  ///< read and not applied, the next last
  PastForecasts found_;
};

}  // namespace mw
