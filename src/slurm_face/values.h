// What stands behind Slurm's options: its ways to write lengths of time, points in time, memory,
// generic resources, arrays, dependencies and signals. Each reader's message is only "expected
// ...", as in codec/units.h: the caller knows which option it was, and adds what was found.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "model/job.h"

namespace mw::face {

/// "MINUTES", "MM:SS", "HH:MM:SS", "DAYS-HH", "DAYS-HH:MM", "DAYS-HH:MM:SS", rounded up to whole
/// minutes as Slurm does; "UNLIMITED", "INFINITE" and 0: no limit, which is 0.
Result<Duration> parse_time_limit(std::string_view text);
/// As squeue and scontrol write it: "1-02:00:00", "00:30:00"; 0 is "UNLIMITED".
std::string time_limit_text(Duration limit);
/// As squeue writes times that have passed: "1-02:03:04", "2:03:04", "0:04".
std::string elapsed_text(Duration length);

/// "16", "256G", "1T": units are powers of 1024, and MiB where none is said.
Result<Bytes> parse_memory(std::string_view text);

/// "now", "now+1hour", "16:00", "4pm", "tomorrow", "noon", "2026-12-01T08:00[:00]", "12/01/26",
/// ...: in the machine's own time zone. A time of day that has passed means tomorrow's.
Result<Instant> parse_moment(std::string_view text, Instant now);

/// A count of nodes or tasks, perhaps a range: "4", "2-4", "1k".
struct CountRange {
  std::uint32_t low = 0;
  std::uint32_t high = 0;
};
Result<CountRange> parse_counts(std::string_view text);

/// "8", "a100:8", "gpu:a100:8".
struct GpuRequest {
  std::string type;  ///< empty: any
  std::uint32_t count = 0;
  bool operator==(const GpuRequest&) const = default;
};
/// Of --gpus, --gpus-per-node and --gpus-per-task: "[TYPE:]N"
Result<GpuRequest> parse_gpus(std::string_view text);
/// Of --gres: "gpu[:TYPE][:N]", also with "gres:" in front.
/// Errors: kUnsupported for other kinds, and for more than one type.
Result<std::optional<GpuRequest>> parse_gres(std::string_view text);

/// The elements of an array, in ascending order, each once.
struct ArrayRequest {
  std::vector<std::uint32_t> elements;
  std::uint32_t at_once = 0;  ///< 0: all of them
  bool operator==(const ArrayRequest&) const = default;
};
/// "0-15", "0,6,16-32", "0-15:4", each with "%4" behind it.
Result<ArrayRequest> parse_array(std::string_view text);
inline constexpr std::uint32_t kArrayElementsMax = 1'000'000;

/// "afterok:20:21,afterany:23".
/// Errors: kUnsupported, naming the kind, for those that are not held here, and for alternatives.
Result<std::vector<Dependency>> parse_dependencies(std::string_view text);

/// "[B:]SIGNAL[@SECONDS]".
struct SignalRequest {
  int signal = 0;
  bool to_script = false;
  Duration before = seconds(60);  ///< the time limit
  bool operator==(const SignalRequest&) const = default;
};
Result<SignalRequest> parse_signal_request(std::string_view text);
/// "USR1", "SIGUSR1" or "10"; 0: none such.
int signal_number(std::string_view text);

}  // namespace mw::face
