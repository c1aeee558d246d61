// What became of checks: a part of model/event.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/check.h"

namespace mw {

/// An idle node is being checked. It takes work as before; when some comes, the check is stopped.
struct CheckBegun {
  static constexpr std::string_view kKind = "check_begun";
  NodeId node;
  Epoch check;
  Instant deadline;  ///< who has not told how it ended by then is not waited for
  bool operator==(const CheckBegun&) const = default;
  MW_FIELDS(node, check, deadline)
};
/// A check has ended, of an idle node or of one that is to serve; that one's number is its
/// remedy's.
struct CheckEnded {
  static constexpr std::string_view kKind = "check_ended";
  NodeId node;
  Epoch check;
  CheckMoment moment = CheckMoment::kIdle;
  CheckOutcome outcome = CheckOutcome::kPassed;
  std::string detail;
  std::vector<Measure> measures;
  bool operator==(const CheckEnded&) const = default;
  MW_FIELDS(node, check, moment, outcome, detail, measures)
};

}  // namespace mw
