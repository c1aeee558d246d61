#include "calibration_samples.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>

namespace mw {
namespace {

constexpr std::string_view kHeader =
    "workload,job,asked_ns,started_ns,p10_ns,p50_ns,p90_ns,futures_ns";

std::string field(Instant at) {
  return at == Instant::never() ? std::string() : std::to_string(at.count());
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(by);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Instant> instant(std::string_view text) {
  if (text.empty()) return Instant::never();
  const auto ns = number(text);
  if (!ns) return std::nullopt;
  return Instant() + Duration(*ns);
}

std::optional<Answer> answer_of(const std::vector<std::string_view>& fields) {
  const auto job = number(fields[1]);
  if (!job || *job < 1) return std::nullopt;
  std::vector<Instant> at;
  for (std::size_t i = 2; i < 7; ++i) {
    const auto one = instant(fields[i]);
    if (!one) return std::nullopt;
    at.push_back(*one);
  }
  Answer answer;
  answer.job = JobId(static_cast<std::uint64_t>(*job));
  answer.asked = at[0];
  if (at[1] != Instant::never()) answer.started = at[1];
  answer.told = {at[2], at[3], at[4]};
  for (const std::string_view each : split(fields[7], ';')) {
    const auto start = instant(each);
    if (!start) return std::nullopt;
    answer.futures.at.push_back(*start);
  }
  return answer;
}

}  // namespace

Result<void> write_samples(const std::string& path, const Answers& answers) {
  std::ofstream file(path, std::ios::app);
  if (file.tellp() == 0) file << kHeader << '\n';
  for (const Answer& answer : answers.all) {
    file << answers.workload << ',' << answer.job.value() << ',' << answer.asked.count() << ','
         << field(answer.started.value_or(Instant::never())) << ',' << field(answer.told.p10) << ','
         << field(answer.told.p50) << ',' << field(answer.told.p90) << ',';
    const char* between = "";
    for (const Instant at : answer.futures.at) {
      file << between << field(at);
      between = ";";
    }
    file << '\n';
  }
  if (!file.flush()) return Error{ErrorCode::kUnavailable, path + " cannot be written."};
  return {};
}

Result<std::vector<Answers>> read_samples(const std::string& path) {
  std::ifstream file(path);
  if (!file) return Error{ErrorCode::kNotFound, path + " cannot be read."};
  std::vector<Answers> workloads;
  std::string line;
  for (int at = 1; std::getline(file, line); ++at) {
    if (at == 1 && line == kHeader) continue;
    const auto fields = split(line, ',');
    auto answer = fields.size() == 8 && at > 1 ? answer_of(fields) : std::nullopt;
    if (!answer) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("{}:{}: expected {}, as --samples writes it.", path, at,
                               at == 1 ? "the header" : "eight fields")};
    }
    if (workloads.empty() || workloads.back().workload != fields[0])
      workloads.push_back({std::string(fields[0]), {}, 0});
    workloads.back().all.push_back(std::move(*answer));
  }
  return workloads;
}

}  // namespace mw
