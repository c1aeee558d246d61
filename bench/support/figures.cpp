#include "support/figures.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace mw::bench {

void Figures::tell(const std::string& metric, double value, const std::string& unit,
                   const std::string& note) const {
  if (json_) {
    std::printf("{\"metric\": \"%s\", \"value\": %.6g, \"unit\": \"%s\"}\n", metric.c_str(), value,
                unit.c_str());
  } else {
    std::printf("%-28s %12.6g %-8s %s\n", metric.c_str(), value, unit.c_str(), note.c_str());
  }
  std::fflush(stdout);
}

double percentile(std::vector<double> samples, double p) {
  const auto index =
      static_cast<std::size_t>(std::llround(p * static_cast<double>(samples.size() - 1)));
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(index),
                   samples.end());
  return samples[index];
}

std::string spread(const std::vector<double>& samples) {
  char text[160];
  std::snprintf(text, sizeof text, "min %.3g, p10 %.3g, p50 %.3g, p90 %.3g, p99 %.3g of %zu",
                percentile(samples, 0), percentile(samples, 0.1), percentile(samples, 0.5),
                percentile(samples, 0.9), percentile(samples, 0.99), samples.size());
  return text;
}

}  // namespace mw::bench
