#include "slurm_face/step_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace mw::face {

StepUse step_use(std::string_view name) {
  static constexpr std::array<std::string_view, 13> kOfJob = {
      "account", "comment",  "contiguous", "hint",        "jobid",    "nice", "partition",
      "power",   "priority", "qos",        "reservation", "switches", "wckey"};
  static constexpr std::array<std::string_view, 5> kNoted = {"mem", "mem-per-cpu", "mem-per-gpu",
                                                             "time", "mincpus"};
  static constexpr std::array<std::string_view, 8> kRefused = {
      "begin",      "constraint", "cpus-per-gpu", "deadline",
      "dependency", "hold",       "signal",       "test-only"};
  const auto among = [name](const auto& names) {
    return std::ranges::find(names, name) != names.end();
  };
  return among(kOfJob)     ? StepUse::kOfJob
         : among(kNoted)   ? StepUse::kNoted
         : among(kRefused) ? StepUse::kRefused
                           : StepUse::kTaken;
}

void judge_step_options(const std::vector<GivenOption>& given, Request& request) {
  for (const GivenOption& option : given) {
    const std::string_view name = option.row->name;
    const StepUse use = step_use(name);
    if (use == StepUse::kNoted) {
      request.noted.push_back(
          fmt::format("--{} has no effect: a step has the limits of its job", name));
    }
    if (use == StepUse::kRefused) {
      request.refused.push_back(fmt::format(
          "--{} is not supported for a step of a job; give it to sbatch or salloc", name));
    }
  }
}

std::string absolute_pattern(const std::string& given, const std::string& folder) {
  if (given.empty() || given == "all" || given == "none") return given;
  return (std::filesystem::path(folder) / given).string();
}

std::vector<std::string> arguments_of_step(const std::vector<GivenOption>& options,
                                           const std::vector<std::string>& command,
                                           const std::string& folder) {
  std::vector<std::string> words = {"--export=ALL"};
  for (const GivenOption& option : options) {
    const std::string_view name = option.row->name;
    // Where the job runs, its step does.
    if (option.row->support != Support::kTaken || step_use(name) != StepUse::kTaken ||
        name == "export" || name == "chdir" || name == "exclusive") {
      continue;
    }
    const bool is_file = name == "output" || name == "error" || name == "input";
    const std::string value = is_file ? absolute_pattern(option.value, folder) : option.value;
    const bool is_bare = option.row->takes == Takes::kNothing ||
                         (option.row->takes == Takes::kMaybe && value.empty());
    words.push_back(is_bare ? fmt::format("--{}", name) : fmt::format("--{}={}", name, value));
  }
  words.emplace_back("--");
  words.insert(words.end(), command.begin(), command.end());
  return words;
}

}  // namespace mw::face
