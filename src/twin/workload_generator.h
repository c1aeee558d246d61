// Jobs drawn from a model (codec/workload_file.h): arrivals of a Poisson process whose rate follows
// the hours, sizes by weight, lengths by size. One after the other, so that a million jobs take no
// memory; from one seed, and the same on every machine (twin/portable_math.h).
//
// Arrivals: a Poisson process of varying rate is one of rate 1 in the time in which its expected
// number grows evenly (Cox and Lewis, 1966), which gives the same as thinning does and draws no
// candidate in vain. Where the model states the number of jobs, exactly so many come: given their
// number, arrivals are like so many independent draws put into order.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/workload_file.h"
#include "twin/workload.h"
#include "twin/workload_shape.h"

namespace mw {

/// What of a trace's or a model's time limits the brain is told.
enum class TimeLimits : std::uint8_t {
  kStated,   ///< as the trace or the model has them
  kUnknown,  ///< no job has one
  kKnown,    ///< each job has one: what it takes, a quarter more and ten minutes
};
template <>
struct EnumNames<TimeLimits> {
  static constexpr std::array<std::string_view, 3> value = {"stated", "unknown", "known"};
};

/// The limit that TimeLimits::kKnown gives to a job that takes `work`: a restart's delays and a
/// slower place do not reach it.
constexpr Duration known_limit(Duration work) {
  return work + Duration(work.count() / 4) + minutes(10);
}

struct GeneratorOptions {
  std::uint64_t seed = 1;
  std::int64_t days = 0;  ///< 0: the model's
  ShapeRules shape{};
  /// Larger sizes become the largest that is a multiple of the node's size; 0: no matter.
  std::int64_t gang_max = 0;
  std::int64_t accelerators = 0;  ///< of the fleet, for a model that states a load; 0: unknown
  TimeLimits limits = TimeLimits::kStated;
};

/// A source that draws from `model`.
/// Errors: kInvalid when it states a load and `accelerators` is unknown, or asks for more jobs than
///         kWorkloadJobsMax.
Result<std::unique_ptr<WorkloadSource>> generate_workload(const WorkloadModel& model,
                                                          const GeneratorOptions& options);

/// Draws lengths of a DurationModel by inverse transform.
class DurationSampler {
 public:
  explicit DurationSampler(const DurationModel& model);
  [[nodiscard]] Duration draw(Random& random) const;
  /// The expected length in seconds, by numerical integration: to about one in ten thousand.
  [[nodiscard]] double mean_seconds() const;

 private:
  struct Part {
    double cumulative = 0;  ///< probability of this and the parts before
    double log_median = 0;  ///< of nanoseconds
    double sigma = 0;
  };
  struct Point {
    double at = 0;  ///< probability
    double log_length = 0;
  };
  [[nodiscard]] double quantile_ns(double u) const;

  std::vector<Part> parts_;
  std::vector<Point> points_;
  double min_ns_ = 0;
  double max_ns_ = 0;
};

}  // namespace mw
