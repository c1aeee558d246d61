// Figures for Prometheus, in its text format (version 0.0.4): a writer for the format, and the
// counters that the server keeps of itself. Everything else is read where it lives when asked.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"

namespace mw::http {

/// Writes one metric family after another.
class MetricsWriter {
 public:
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  /// Begins a family. `type`: counter, gauge or histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  /// A sample of the family; `suffix` is appended to its name ("_bucket").
  void sample(double value, Labels labels = {}, std::string_view suffix = {});
  void sample(std::uint64_t value, Labels labels = {}, std::string_view suffix = {});
  /// A family with one sample.
  template <class Number>
  void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample(value);
  }
  std::string release() { return std::move(text_); }

 private:
  void begin_sample(Labels labels, std::string_view suffix);
  std::string text_;
  std::string name_;
};

/// Requests by route and status, and how long they took.
class HttpMetrics {
 public:
  void count(std::string_view route, std::string_view method, int status, Duration took);
  void write(MetricsWriter& writer) const;

 private:
  /// Upper bounds in seconds: from a read of the state to the answer's deadline.
  static constexpr std::array<double, 13> kBuckets = {
      0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30};
  struct Series {
    std::map<int, std::uint64_t> by_status;
    std::array<std::uint64_t, kBuckets.size() + 1> by_bucket{};
    double seconds = 0;
    std::uint64_t requests = 0;
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string_view, std::string_view>, Series> series_;  ///< by route and method
};

/// process_*: what the kernel says of this process.
void write_process_metrics(MetricsWriter& writer);

}  // namespace mw::http
