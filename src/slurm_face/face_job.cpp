#include "slurm_face/face_job.h"

#include <fmt/format.h>

#include "codec/json.h"

namespace mw::face {
namespace {

/// The three words between the program and the JSON.
constexpr std::string_view kVerb = "slurm";
constexpr std::string_view kHost = "host";

}  // namespace

std::string write_face_job(const FaceJob& job) {
  std::string text;
  append_json(text, job);
  return text;
}

std::optional<FaceJob> read_face_job(std::string_view text) {
  const auto tree = parse_json(text);
  if (!tree) return {};
  auto job = from_json<FaceJob>(*tree);
  if (!job) return {};
  return std::move(*job);
}

std::optional<FaceJob> face_job_of(const std::vector<std::string>& command) {
  if (command.size() != 4 || command[1] != kVerb || command[2] != kHost) return {};
  return read_face_job(command[3]);
}

std::vector<std::string> command_of(const FaceJob& job, const std::string& program) {
  return {program, std::string(kVerb), std::string(kHost), write_face_job(job)};
}

bool differs_by_task(std::string_view pattern) {
  if (pattern.find('\\') != std::string_view::npos) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    i = std::min(pattern.find_first_not_of("0123456789", i + 1), pattern.size());
    if (i < pattern.size() && (pattern[i] == 't' || pattern[i] == 'n' || pattern[i] == 'N')) {
      return true;
    }
  }
  return false;
}

std::string expand_file_name(std::string_view pattern, const FileNameFacts& facts) {
  if (pattern.find('\\') != std::string_view::npos) {
    std::string plain;
    for (const char c : pattern) {
      if (c != '\\') plain += c;
    }
    return plain;
  }
  std::string name;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      name += pattern[i];
      continue;
    }
    std::size_t at = i + 1;
    std::size_t width = 0;
    while (at < pattern.size() && pattern[at] >= '0' && pattern[at] <= '9') {
      width = std::min<std::size_t>(width * 10 + static_cast<std::size_t>(pattern[at++] - '0'), 10);
    }
    const auto number = [&](std::uint64_t value) { name += fmt::format("{:0{}}", value, width); };
    const char letter = at < pattern.size() ? pattern[at] : '\0';
    switch (letter) {
      case '%':
        name += '%';
        break;
      case 'A':
        number(facts.array_job != 0 ? facts.array_job : facts.job);
        break;
      case 'a':
        number(facts.array_task.value_or(4'294'967'294U));
        break;  // Slurm's NO_VAL
      case 'b':
        number(facts.array_task.value_or(0) % 10);
        break;
      case 'j':
        number(facts.job);
        break;
      case 'J':
        number(facts.job);
        if (facts.step) name += fmt::format(".{}", *facts.step);
        break;
      case 's':
        if (facts.step) {
          number(*facts.step);
        } else {
          name += "batch";
        }
        break;
      case 'N':
        name += facts.host;
        break;
      case 'n':
        number(facts.node);
        break;
      case 't':
        number(facts.task);
        break;
      case 'u':
        name += facts.user;
        break;
      case 'x':
        name += facts.job_name;
        break;
      default:
        name += pattern.substr(i, at + 1 - i);
        break;
    }
    i = std::min(at, pattern.size() - 1);
  }
  return name;
}

}  // namespace mw::face
