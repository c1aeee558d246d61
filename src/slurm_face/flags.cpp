#include "slurm_face/flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "codec/suggest.h"

namespace mw::face {
namespace {

constexpr Takes N = Takes::kNothing;
constexpr Takes V = Takes::kValue;
constexpr std::string_view kOne = "there is one control plane";
constexpr std::string_view kShow = "use \"mw job show\"";

constexpr auto kSqueue =
    std::to_array<Flag>({{"account", 'A', V},
                         {"all", 'a', N},
                         {"array", 'r', N},
                         {"clusters", 'M', V, kOne},
                         {"federation", 0, N, kOne},
                         {"format", 'o', V},
                         {"Format", 'O', V},
                         {"help", 0, N},
                         {"hide", 0, N},
                         {"iterate", 'i', V, "use watch(1), or \"mw jobs --watch\""},
                         {"jobs", 'j', V},
                         {"json", 0, N},
                         {"licenses", 'L', V, "there are no licences"},
                         {"local", 0, N},
                         {"long", 'l', N},
                         {"me", 0, N},
                         {"name", 'n', V},
                         {"noconvert", 0, N},
                         {"nodelist", 'w', V},
                         {"noheader", 'h', N},
                         {"partition", 'p', V},
                         {"priority", 'P', N, "each job is shown once"},
                         {"qos", 'q', V},
                         {"reservation", 'R', V},
                         {"sibling", 0, N, kOne},
                         {"sort", 'S', V, "use sort(1)"},
                         {"start", 0, N, "use \"mw job when\""},
                         {"states", 't', V},
                         {"steps", 's', V, "steps are the script's own affair"},
                         {"user", 'u', V},
                         {"usage", 0, N},
                         {"verbose", 'v', N},
                         {"version", 'V', N},
                         {"yaml", 0, N, "use --json"}});

constexpr auto kScancel = std::to_array<Flag>({{"account", 'A', V},
                                               {"batch", 'b', N},
                                               {"clusters", 'M', V, kOne},
                                               {"ctld", 0, N},
                                               {"full", 'f', N},
                                               {"help", 0, N},
                                               {"hurry", 'H', N, "there are no burst buffers"},
                                               {"interactive", 'i', N, "leave it out"},
                                               {"jobname", 'n', V},
                                               {"me", 0, N},
                                               {"name", 0, V},
                                               {"nodelist", 'w', V},
                                               {"partition", 'p', V},
                                               {"qos", 'q', V},
                                               {"quiet", 'Q', N},
                                               {"reservation", 'R', V},
                                               {"sibling", 0, V, kOne},
                                               {"signal", 's', V},
                                               {"state", 't', V},
                                               {"usage", 0, N},
                                               {"user", 'u', V},
                                               {"verbose", 'v', N},
                                               {"version", 'V', N},
                                               {"wckey", 0, V, "there are no wckeys"}});

constexpr auto kSinfo = std::to_array<Flag>({{"all", 'a', N},
                                             {"clusters", 'M', V, kOne},
                                             {"dead", 'd', N},
                                             {"exact", 'e', N},
                                             {"federation", 0, N, kOne},
                                             {"format", 'o', V},
                                             {"Format", 'O', V},
                                             {"future", 'F', N, "there are no such nodes"},
                                             {"help", 0, N},
                                             {"hide", 0, N},
                                             {"iterate", 'i', V, "use watch(1)"},
                                             {"json", 0, N},
                                             {"list-reasons", 'R', N},
                                             {"local", 0, N},
                                             {"long", 'l', N},
                                             {"node", 'N', N},
                                             {"Node", 0, N},
                                             {"nodes", 'n', V},
                                             {"noconvert", 0, N},
                                             {"noheader", 'h', N},
                                             {"partition", 'p', V},
                                             {"reservation", 'T', N, "use \"mw reservation list\""},
                                             {"responding", 'r', N},
                                             {"sort", 'S', V, "use sort(1)"},
                                             {"states", 't', V},
                                             {"summarize", 's', N},
                                             {"usage", 0, N},
                                             {"verbose", 'v', N},
                                             {"version", 'V', N},
                                             {"yaml", 0, N, "use --json"}});

constexpr auto kSacct =
    std::to_array<Flag>({{"accounts", 'A', V},
                         {"allclusters", 'L', N},
                         {"allocations", 'X', N},
                         {"allusers", 'a', N},
                         {"array", 0, N},
                         {"batch-script", 'B', N, "use \"scontrol write batch_script\""},
                         {"brief", 'b', N},
                         {"clusters", 'M', V, kOne},
                         {"completion", 'c', N, "the journal tells all of it"},
                         {"constraints", 'C', V, kShow},
                         {"delimiter", 0, V},
                         {"duplicates", 'D', N},
                         {"endtime", 'E', V},
                         {"env-vars", 0, N, "they are for their owner alone"},
                         {"federation", 0, N, kOne},
                         {"file", 'f', V, "use \"mw journal\""},
                         {"flags", 'F', V, kShow},
                         {"format", 'o', V},
                         {"gid", 0, V, "jobs are told apart by user"},
                         {"group", 'g', V, "jobs are told apart by user"},
                         {"help", 'h', N},
                         {"helpformat", 'e', N},
                         {"jobs", 'j', V},
                         {"json", 0, N},
                         {"local", 0, N},
                         {"long", 'l', N, "name the fields with --format"},
                         {"me", 0, N},
                         {"name", 0, V},
                         {"ncpus", 'I', V, "filter its output"},
                         {"nnodes", 'i', V, "filter its output"},
                         {"noconvert", 0, N},
                         {"nodelist", 'N', V},
                         {"noheader", 'n', N},
                         {"parsable", 'p', N},
                         {"parsable2", 'P', N},
                         {"partition", 'r', V},
                         {"qos", 'q', V},
                         {"reason", 'R', V, "filter its output"},
                         {"starttime", 'S', V},
                         {"state", 's', V},
                         {"timelimit-max", 'K', V, "filter its output"},
                         {"timelimit-min", 'k', V, "filter its output"},
                         {"truncate", 'T', N, "times are those of the job"},
                         {"uid", 0, V, "use --user"},
                         {"units", 0, V, "sizes say their unit"},
                         {"usage", 0, N},
                         {"use-local-uid", 0, N},
                         {"user", 'u', V},
                         {"verbose", 'v', N},
                         {"version", 'V', N},
                         {"wckeys", 'W', V, "there are no wckeys"},
                         {"whole-hetjob", 0, Takes::kMaybe, "there are none"},
                         {"yaml", 0, N, "use --json"}});

constexpr auto kScontrol = std::to_array<Flag>({{"all", 'a', N},
                                                {"clusters", 'M', V, kOne},
                                                {"details", 'd', N},
                                                {"federation", 0, N, kOne},
                                                {"future", 'F', N, "there are no such nodes"},
                                                {"help", 'h', N},
                                                {"hide", 0, N},
                                                {"json", 0, N, "use \"mw job show --json\""},
                                                {"local", 0, N},
                                                {"oneliner", 'o', N},
                                                {"quiet", 'Q', N},
                                                {"sibling", 0, N, kOne},
                                                {"uid", 'u', V, "one acts as oneself"},
                                                {"verbose", 'v', N},
                                                {"version", 'V', N}});

Result<const Flag*> find_flag(std::span<const Flag> flags, std::string_view name) {
  std::vector<const Flag*> begin_so;
  std::vector<std::string_view> known;
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
    if (!name.empty() && flag.name.starts_with(name)) begin_so.push_back(&flag);
    known.push_back(flag.name);
  }
  if (begin_so.size() == 1) return begin_so.front();
  const std::string_view meant = closest(name, known);
  return Error{ErrorCode::kInvalid,
               fmt::format("{} option --{}{}", begin_so.empty() ? "unknown" : "ambiguous", name,
                           meant.empty() ? "" : fmt::format("; did you mean --{}?", meant))};
}

}  // namespace

std::string GivenFlags::value(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::string() : found->second;
}

Result<GivenFlags> read_flags(std::span<const Flag> flags,
                              const std::vector<std::string>& arguments) {
  GivenFlags given;
  std::size_t next = 0;
  /// Takes the option; its value is `inside` when that is not null, else the next argument.
  const auto take = [&](const Flag& flag, const std::string& shown,
                        const std::string* inside) -> Result<bool> {
    if (!flag.refused.empty()) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("{} is not supported: {}", shown, flag.refused)};
    }
    if (flag.takes == Takes::kNothing && inside != nullptr) {
      return Error{ErrorCode::kInvalid, fmt::format("option {} takes no value", shown)};
    }
    if (flag.takes == Takes::kValue && inside == nullptr) {
      if (next >= arguments.size()) {
        return Error{ErrorCode::kInvalid, fmt::format("option {} needs a value", shown)};
      }
      inside = &arguments[next++];
    }
    given.put(flag.name, inside == nullptr ? std::string() : *inside);
    return true;
  };
  while (next < arguments.size()) {
    const std::string& argument = arguments[next++];
    if (argument == "--") {
      given.arguments.insert(given.arguments.end(),
                             arguments.begin() + static_cast<std::ptrdiff_t>(next),
                             arguments.end());
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      given.arguments.push_back(argument);
      continue;
    }
    if (argument[1] == '-') {
      const std::size_t equals = argument.find('=');
      const auto flag = find_flag(flags, std::string_view(argument).substr(2, equals - 2));
      if (!flag) return flag.error();
      const std::string inside = equals == std::string::npos ? "" : argument.substr(equals + 1);
      const auto taken = take(**flag, fmt::format("--{}", (*flag)->name),
                              equals == std::string::npos ? nullptr : &inside);
      if (!taken) return taken.error();
      continue;
    }
    for (std::size_t i = 1; i < argument.size(); ++i) {
      const auto flag = std::ranges::find(flags, argument[i], &Flag::letter);
      if (flag == flags.end()) {
        return Error{ErrorCode::kInvalid, fmt::format("unknown option -{}", argument[i])};
      }
      std::string inside = flag->takes == Takes::kValue ? argument.substr(i + 1) : "";
      const bool has_inside = !inside.empty();
      if (inside.starts_with('=')) inside.erase(0, 1);
      const auto taken =
          take(*flag, fmt::format("-{}", argument[i]), has_inside ? &inside : nullptr);
      if (!taken) return taken.error();
      if (flag->takes == Takes::kValue) break;
    }
  }
  return given;
}

std::span<const Flag> flags_of(std::string_view command) {
  if (command == "squeue") return kSqueue;
  if (command == "scancel") return kScancel;
  if (command == "sinfo") return kSinfo;
  if (command == "sacct") return kSacct;
  if (command == "scontrol") return kScontrol;
  return {};
}

std::string flags_markdown(std::string_view command, std::span<const Flag> flags) {
  std::string taken;
  std::string refused;
  for (const Flag& flag : flags) {
    const std::string letter = flag.letter == 0 ? "" : fmt::format("`-{}`/", flag.letter);
    if (flag.refused.empty()) {
      taken += fmt::format("{}{}`--{}`", taken.empty() ? "" : ", ", letter, flag.name);
    } else {
      refused += fmt::format("{}{}`--{}` ({})", refused.empty() ? "" : ", ", letter, flag.name,
                             flag.refused);
    }
  }
  return fmt::format("| {} | {} | {} |\n", command, taken, refused);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) words.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return words;
}

}  // namespace mw::face
