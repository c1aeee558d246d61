// What `mw replay` asks for and gets. The replay itself runs in the twin, which the command line
// may not know: it comes in by a hook.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "model/policy.h"

namespace mw {

struct ReplayRequest {
  std::filesystem::path home;
  std::optional<Instant> from;
  std::optional<Instant> to;
  Policy policy;
};

/// A figure as it really was, under the policy that was in force, and under the other; absent where
/// nobody knows.
struct ReplayRow {
  std::string name;  ///< "wait_mean_s", or "ledger.idle_shape_percent"
  std::optional<double> real;
  std::optional<double> then;
  std::optional<double> other;
};

struct ReplayAnswer {
  Instant from;
  Instant to;
  std::string policy_then;
  std::string policy_other;
  std::vector<ReplayRow> rows;
  std::uint64_t inputs = 0;
  std::uint64_t run_times_drawn = 0;
  std::vector<std::string> notes;
};

using ReplayHook = std::function<Result<ReplayAnswer>(
    const ReplayRequest&, const std::function<void(const std::string& doing)>& progress)>;

}  // namespace mw
