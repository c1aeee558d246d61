#include "slurm_face/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstring>

#include "codec/units.h"

namespace mw::face {
namespace {

Error expected(std::string_view what) {
  return {ErrorCode::kInvalid, fmt::format("expected {}", what)};
}

/// Digits only; leading zeros are no mistake in Slurm.
std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || fault != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b,
                            [](char x, char y) { return std::tolower(x) == std::tolower(y); });
}

constexpr std::uint64_t kSecondsMax = std::uint64_t{10} * 365 * 86'400;

struct SignalName {
  std::string_view name;
  int number;
};
constexpr std::array<SignalName, 14> kSignals = {{{"HUP", SIGHUP},
                                                  {"INT", SIGINT},
                                                  {"QUIT", SIGQUIT},
                                                  {"ABRT", SIGABRT},
                                                  {"KILL", SIGKILL},
                                                  {"USR1", SIGUSR1},
                                                  {"USR2", SIGUSR2},
                                                  {"ALRM", SIGALRM},
                                                  {"TERM", SIGTERM},
                                                  {"CONT", SIGCONT},
                                                  {"STOP", SIGSTOP},
                                                  {"TSTP", SIGTSTP},
                                                  {"URG", SIGURG},
                                                  {"XCPU", SIGXCPU}}};

}  // namespace

Result<Duration> parse_time_limit(std::string_view text) {
  const Error wrong = expected(
      "minutes, MM:SS, HH:MM:SS, DAYS-HH, DAYS-HH:MM, DAYS-HH:MM:SS or UNLIMITED, at most ten "
      "years");
  if (same_word(text, "UNLIMITED") || same_word(text, "INFINITE") || text == "-1") {
    return Duration(0);
  }
  const std::size_t dash = text.find('-');
  std::uint64_t days = 0;
  if (dash != std::string_view::npos) {
    const auto read = number_of(text.substr(0, dash));
    if (!read || *read > 3650) return wrong;
    days = *read;
    text.remove_prefix(dash + 1);
  }
  const auto parts = split(text, ':');
  std::array<std::uint64_t, 3> fields{};
  if (parts.size() > 3) return wrong;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto read = number_of(parts[i]);
    if (!read || *read > kSecondsMax) return wrong;
    fields[i] = *read;
  }
  // Behind days the first field is hours; else a lone one is minutes, and two are minutes, seconds.
  const std::uint64_t sum = dash != std::string_view::npos || parts.size() == 3
                                ? days * 86'400 + fields[0] * 3'600 + fields[1] * 60 + fields[2]
                                : fields[0] * 60 + fields[1];
  if (sum > kSecondsMax) return wrong;
  return minutes(static_cast<std::int64_t>((sum + 59) / 60));
}

std::string elapsed_text(Duration length) {
  const std::int64_t all = std::max<std::int64_t>(0, length.count() / seconds(1).count());
  const std::int64_t days = all / 86'400;
  const std::int64_t rest = all % 86'400;
  if (days > 0) {
    return fmt::format("{}-{:02}:{:02}:{:02}", days, rest / 3'600, rest / 60 % 60, rest % 60);
  }
  if (rest >= 3'600) return fmt::format("{}:{:02}:{:02}", rest / 3'600, rest / 60 % 60, rest % 60);
  return fmt::format("{}:{:02}", rest / 60, rest % 60);
}

std::string time_limit_text(Duration limit) {
  if (limit.count() == 0) return "UNLIMITED";
  const std::int64_t all = limit.count() / seconds(1).count();
  const std::string clock =
      fmt::format("{:02}:{:02}:{:02}", all % 86'400 / 3'600, all / 60 % 60, all % 60);
  return all >= 86'400 ? fmt::format("{}-{}", all / 86'400, clock) : clock;
}

Result<Bytes> parse_memory(std::string_view text) {
  const Error wrong = expected("a whole number with K, M, G or T, such as 64G");
  if (text.size() > 1 && (text.back() == 'B' || text.back() == 'b')) text.remove_suffix(1);
  constexpr std::string_view kUnits = "KMGT";
  unsigned shift = 20;
  if (!text.empty()) {
    const auto letter = static_cast<char>(std::toupper(static_cast<unsigned char>(text.back())));
    if (const std::size_t unit = kUnits.find(letter); unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      text.remove_suffix(1);
    }
  }
  const auto number = number_of(text);
  if (!number || *number > (std::uint64_t{1} << 60U) >> shift) return wrong;
  return Bytes(static_cast<std::int64_t>(*number << shift));
}

Result<CountRange> parse_counts(std::string_view text) {
  const auto one = [](std::string_view part) -> std::optional<std::uint32_t> {
    std::uint64_t factor = 1;
    if (part.ends_with('k') || part.ends_with('K')) factor = 1024;
    if (part.ends_with('m') || part.ends_with('M')) factor = 1024 * 1024;
    if (factor > 1) part.remove_suffix(1);
    const auto number = number_of(part);
    if (!number || *number == 0 || *number > 1'000'000 || *number * factor > 1'000'000) return {};
    return static_cast<std::uint32_t>(*number * factor);
  };
  const std::size_t dash = text.find('-');
  const auto low = one(text.substr(0, dash));
  const auto high = dash == std::string_view::npos ? low : one(text.substr(dash + 1));
  if (!low || !high || *high < *low) return expected("a number from 1 to 1000000");
  return CountRange{*low, *high};
}

Result<GpuRequest> parse_gpus(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  const auto count = number_of(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (text.find(',') != std::string_view::npos) {
    return Error{ErrorCode::kUnsupported,
                 "GPUs of several types in one job are not supported; ask for one type"};
  }
  if (!count || *count > 1'000'000 || colon == 0) return expected("[TYPE:]NUMBER, such as a100:4");
  GpuRequest request{.type = {}, .count = static_cast<std::uint32_t>(*count)};
  if (colon != std::string_view::npos) request.type = text.substr(0, colon);
  return request;
}

Result<std::optional<GpuRequest>> parse_gres(std::string_view text) {
  if (same_word(text, "none") || text.empty()) return std::optional<GpuRequest>();
  std::optional<GpuRequest> found;
  for (std::string_view part : split(text, ',')) {
    if (part.starts_with("gres:") || part.starts_with("gres/")) part.remove_prefix(5);
    if (part != "gpu" && !part.starts_with("gpu:")) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("only gpu is a generic resource here; {} is not supported",
                               in_quotes(part.substr(0, part.find(':'))))};
    }
    if (found) {
      return Error{ErrorCode::kUnsupported,
                   "GPUs of several types in one job are not supported; ask for one type"};
    }
    part.remove_prefix(std::min<std::size_t>(part.size(), 4));
    const bool only_type = !part.empty() && !number_of(part.substr(part.rfind(':') + 1));
    if (part.empty()) {
      found = GpuRequest{.type = {}, .count = 1};
    } else if (only_type) {
      if (part.find(':') != std::string_view::npos) return expected("gpu[:TYPE][:NUMBER]");
      found = GpuRequest{.type = std::string(part), .count = 1};
    } else {
      auto read = parse_gpus(part);
      if (!read) return expected("gpu[:TYPE][:NUMBER]");
      found = std::move(*read);
    }
  }
  return found;
}

Result<ArrayRequest> parse_array(std::string_view text) {
  const Error wrong = expected("indices such as 0-15, 0,6,16-32 or 0-15:4, at most a million");
  ArrayRequest array;
  if (const std::size_t percent = text.find('%'); percent != std::string_view::npos) {
    const auto limit = number_of(text.substr(percent + 1));
    if (!limit || *limit == 0 || *limit > kArrayElementsMax) return wrong;
    array.at_once = static_cast<std::uint32_t>(*limit);
    text = text.substr(0, percent);
  }
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  for (std::string_view part : split(text, ',')) {
    std::uint64_t step = 1;
    if (const std::size_t colon = part.find(':'); colon != std::string_view::npos) {
      const auto read = number_of(part.substr(colon + 1));
      if (!read || *read == 0) return wrong;
      step = *read;
      part = part.substr(0, colon);
    }
    const std::size_t dash = part.find('-');
    const auto low = number_of(part.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : number_of(part.substr(dash + 1));
    if (!low || !high || *high < *low || *high > 4'000'000) return wrong;
    if ((*high - *low) / step + array.elements.size() >= kArrayElementsMax) return wrong;
    for (std::uint64_t i = *low; i <= *high; i += step) {
      array.elements.push_back(static_cast<std::uint32_t>(i));
    }
  }
  std::ranges::sort(array.elements);
  const auto repeated = std::ranges::unique(array.elements);
  array.elements.erase(repeated.begin(), repeated.end());
  return array;
}

Result<std::vector<Dependency>> parse_dependencies(std::string_view text) {
  if (text.find('?') != std::string_view::npos) {
    return Error{ErrorCode::kUnsupported,
                 "alternatives (?) are not supported; all dependencies have to be met (,)"};
  }
  std::vector<Dependency> after;
  for (const std::string_view part : split(text, ',')) {
    const auto words = split(part, ':');
    Dependency one;
    if (words[0] == "afterok") {
      one.kind = DependencyKind::kAfterOk;
    } else if (words[0] == "afterany") {
      one.kind = DependencyKind::kAfterAny;
    } else if (number_of(words[0])) {
      return expected("a kind and jobs, such as afterok:20:21");
    } else {
      return Error{
          ErrorCode::kUnsupported,
          fmt::format("{} is not supported; afterok and afterany are", in_quotes(words[0]))};
    }
    if (words.size() < 2) return expected("a kind and jobs, such as afterok:20:21");
    for (std::size_t i = 1; i < words.size(); ++i) {
      const auto job = number_of(words[i]);
      if (words[i].find_first_of("_+") != std::string_view::npos) {
        return Error{ErrorCode::kUnsupported,
                     fmt::format("{}: only whole jobs and arrays are waited for, without index and "
                                 "without time",
                                 in_quotes(words[i]))};
      }
      if (!job || *job == 0) return expected("a kind and jobs, such as afterok:20:21");
      one.job = JobId(*job);
      after.push_back(one);
    }
  }
  return after;
}

int signal_number(std::string_view text) {
  if (const auto number = number_of(text)) return *number < 65 ? static_cast<int>(*number) : 0;
  if (text.size() > 3 && same_word(text.substr(0, 3), "SIG")) text.remove_prefix(3);
  for (const SignalName& one : kSignals) {
    if (same_word(one.name, text)) return one.number;
  }
  return 0;
}

Result<SignalRequest> parse_signal_request(std::string_view text) {
  SignalRequest request;
  if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    const std::string_view flags = text.substr(0, colon);
    if (flags.find_first_of("Rr") != std::string_view::npos) {
      return Error{ErrorCode::kUnsupported,
                   "R: is not supported; reservations do not take nodes away from a job"};
    }
    if (flags != "B" && flags != "b") return expected("[B:]SIGNAL[@SECONDS], such as B:USR1@120");
    request.to_script = true;
    text.remove_prefix(colon + 1);
  }
  if (const std::size_t sign = text.find('@'); sign != std::string_view::npos) {
    const auto before = number_of(text.substr(sign + 1));
    if (!before || *before > 65'535) return expected("at most 65535 seconds behind @");
    request.before = seconds(static_cast<std::int64_t>(*before));
    text = text.substr(0, sign);
  }
  request.signal = signal_number(text);
  if (request.signal == 0) return expected("[B:]SIGNAL[@SECONDS], such as B:USR1@120");
  return request;
}

}  // namespace mw::face
