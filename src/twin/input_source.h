// What people ask of a simulated control plane while it runs, beside jobs of a workload: the inputs
// of a journal once more, each at its time.
#pragma once

#include <vector>

#include "base/time.h"
#include "model/input.h"
#include "twin/workload.h"

namespace mw {

struct AskedInput {
  InputBody body;
  JobTruth truth{};  ///< of a job that is submitted
};

class InputSource {
 public:
  virtual ~InputSource() = default;
  /// When the next one is due; never() when there are no more.
  [[nodiscard]] virtual Instant next_at() const = 0;
  /// Appends what is due by `now`. Everything before has been decided by then, so that a job which
  /// was submitted in this run can be named.
  virtual void take(Instant now, std::vector<AskedInput>& due) = 0;
};

}  // namespace mw
