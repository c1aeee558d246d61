// How benchmarks say what they measured: one line a metric, for people or as JSON.
#pragma once

#include <string>
#include <vector>

namespace mw::bench {

class Figures {
 public:
  explicit Figures(bool json) : json_(json) {}
  /// Prints {"metric": name, "value": value, "unit": unit} or the same as a sentence with `note`.
  void tell(const std::string& metric, double value, const std::string& unit,
            const std::string& note = "") const;

 private:
  bool json_;
};

/// The value below which a share `p` of the samples lies; samples need not be sorted.
/// REQUIRES: not empty, 0 <= p <= 1.
double percentile(std::vector<double> samples, double p);

/// "min 0.9, p10 1.0, p50 2.0, p90 3.0, p99 4.0 of N" with the unit of the samples.
std::string spread(const std::vector<double>& samples);

}  // namespace mw::bench
