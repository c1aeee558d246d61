// The Standard Workload Format (Chapin et al., JSSPP 1999; version 2.2 of the Parallel Workloads
// Archive). Fields, counted from 1: 2 submit, 4 run time, 5 processors allocated, 7 memory used and
// 10 memory requested (KB a processor), 8 processors requested, 9 time requested, 11 status,
// 12 user, 13 group; times in seconds.
#include <fmt/format.h>

#include <algorithm>

#include "codec/trace_jobs.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::size_t kFields = 18;
constexpr std::array<std::string_view, kFields> kFieldNames = {"job number",
                                                               "submit time",
                                                               "wait time",
                                                               "run time",
                                                               "allocated processors",
                                                               "average CPU time",
                                                               "used memory",
                                                               "requested processors",
                                                               "requested time",
                                                               "requested memory",
                                                               "status",
                                                               "user",
                                                               "group",
                                                               "executable",
                                                               "queue",
                                                               "partition",
                                                               "preceding job",
                                                               "think time"};
constexpr std::int64_t kStatusFailed = 0;
constexpr std::int64_t kStatusCancelled = 5;
constexpr std::int64_t kMemoryKbMax = std::int64_t{1} << 40U;

/// The numbers of one line, each -1 where it is not known.
class SwfLine {
 public:
  SwfLine(std::string_view text, const std::string& file, std::size_t number)
      : file_(file), number_(number) {
    while (true) {
      const std::size_t start = text.find_first_not_of(" \t\r");
      if (start == std::string_view::npos) break;
      text.remove_prefix(start);
      const std::size_t end = std::min(text.find_first_of(" \t\r"), text.size());
      if (count_ < kFields) fields_[count_] = text.substr(0, end);
      ++count_;
      text.remove_prefix(end);
    }
    if (count_ != kFields) { fail(fmt::format("expected {} fields, found {}", kFields, count_)); }
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }

  /// Field `field`, counted from 1: a whole number, or -1.
  std::int64_t whole(std::size_t field, std::int64_t high) {
    const auto value = parse_whole(fields_[field - 1], -1, high);
    if (value) return *value;
    fail(field, value.error().message);
    return -1;
  }
  /// The same in seconds, maybe with decimals; negative when it is not known.
  Duration seconds(std::size_t field) {
    if (fields_[field - 1] == "-1") return Duration(-1);
    const auto value = parse_seconds(fields_[field - 1], kTraceSpanMax);
    if (value) return *value;
    fail(field, value.error().message + ", or -1");
    return Duration(-1);
  }
  [[nodiscard]] const Result<void>& checked() const { return error_; }

 private:
  void fail(std::size_t field, std::string_view message) {
    fail(fmt::format("field {} ({}): {}, found {}", field, kFieldNames[field - 1], message,
                     in_quotes(fields_[field - 1])));
  }
  void fail(const std::string& message) {
    if (error_.ok())
      error_ = Error{ErrorCode::kInvalid, fmt::format("{}:{}: {}", file_, number_, message)};
  }
  const std::string& file_;
  std::size_t number_;
  std::array<std::string_view, kFields> fields_{};
  std::size_t count_ = 0;
  Result<void> error_;
};

TraceJob job_of(SwfLine& line) {
  TraceJob job;
  job.submitted = std::max(line.seconds(2), Duration(0));
  job.run_time = std::max(line.seconds(4), Duration(0));
  const std::int64_t allocated = line.whole(5, kTraceAcceleratorsMax);
  const std::int64_t requested = line.whole(8, kTraceAcceleratorsMax);
  const std::int64_t processors = requested > 0 ? requested : std::max<std::int64_t>(allocated, 0);
  job.cpus = processors * kWholeCpu;
  const std::int64_t used_kb = line.whole(7, kMemoryKbMax);
  const std::int64_t requested_kb = line.whole(10, kMemoryKbMax);
  const std::int64_t memory_kb =
      requested_kb > 0 ? requested_kb : std::max<std::int64_t>(used_kb, 0);
  job.memory = Bytes(std::min(memory_kb, kMemoryKbMax / std::max<std::int64_t>(processors, 1)) *
                     processors * 1024);
  job.time_limit = std::max(line.seconds(9), Duration(0));
  const std::int64_t status = line.whole(11, 1000);
  if (status == kStatusFailed) job.end = TraceEnd::kFailed;
  if (status == kStatusCancelled) job.end = TraceEnd::kCancelled;
  const std::int64_t user = line.whole(12, std::int64_t{1} << 40U);
  const std::int64_t group = line.whole(13, std::int64_t{1} << 40U);
  if (user >= 0) job.user = fmt::format("user{}", user);
  if (group >= 0) job.tenant = fmt::format("group{}", group);
  if (processors == 0) job.run_time = Duration(0);  // nothing is known that could be run
  return job;
}

}  // namespace

Result<TraceJobs> read_swf_trace(std::string_view text, const std::string& file) {
  std::vector<TraceJob> all;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t end = text.find('\n');
    const std::string_view row = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (row.starts_with(';')) continue;
    SwfLine line(row, file, number);
    if (line.empty()) continue;
    if (!line.checked().ok()) return line.checked().error();
    TraceJob job = job_of(line);
    if (!line.checked().ok()) return line.checked().error();
    all.push_back(std::move(job));
  }
  return in_order_of_submission(std::move(all));
}

}  // namespace mw
