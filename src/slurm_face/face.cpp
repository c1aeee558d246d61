#include "slurm_face/face.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/home.h"
#include "slurm_face/flags.h"
#include "slurm_face/help.h"

namespace mw::face {
namespace {

struct Command {
  std::string_view name;
  int (*run)(const Call&);
  std::string_view usage;
};
constexpr std::array<Command, 8> kCommands = {
    {{"sacct", run_sacct, "sacct [OPTIONS]"},
     {"salloc", run_salloc, "salloc [OPTIONS] [COMMAND [ARGUMENTS]]"},
     {"sbatch", run_sbatch, "sbatch [OPTIONS] [SCRIPT [ARGUMENTS]]"},
     {"scancel", run_scancel, "scancel [OPTIONS] [JOB[_TASK]]..."},
     {"scontrol", run_scontrol,
      "scontrol [OPTIONS] show|hold|release|requeue|update|write|ping ..."},
     {"sinfo", run_sinfo, "sinfo [OPTIONS]"},
     {"squeue", run_squeue, "squeue [OPTIONS]"},
     {"srun", run_srun, "srun [OPTIONS] COMMAND [ARGUMENTS]"}}};

constexpr auto kNames = [] {
  std::array<std::string_view, kCommands.size()> names;
  for (std::size_t i = 0; i < names.size(); ++i) names[i] = kCommands[i].name;
  return names;
}();

int help_of(const Call& call, bool only_version, const std::string& options) {
  if (only_version) {
    call.console.out(fmt::format("millwright {}, with the habits of slurm 22.05\n", call.version));
    return 0;
  }
  const auto command = std::ranges::find(kCommands, call.name, &Command::name);
  call.console.out(fmt::format("Usage: {}\n\nMillwright's {}: see docs/slurm-commands.md.\n\n{}",
                               command->usage, call.name, options));
  return 0;
}

}  // namespace

int Call::fail(const Error& error) const { return fail(error.message); }

int Call::fail(std::string_view message) const {
  do {
    const std::size_t end = message.find('\n');
    console.err(fmt::format("{}: error: {}\n", name, printable(message.substr(0, end))));
    message = end == std::string_view::npos ? std::string_view() : message.substr(end + 1);
  } while (!message.empty());
  return 1;
}

void Call::warn(std::string_view message) const {
  console.err(fmt::format("{}: warning: {}\n", name, printable(message)));
}

std::span<const std::string_view> command_names() { return kNames; }

std::string_view command_of_program(std::string_view program) {
  const std::string_view last = program.substr(program.rfind('/') + 1);
  const auto found = std::ranges::find(kNames, last);
  return found == kNames.end() ? std::string_view() : *found;
}

int run_command(const Call& call) {
  const auto command = std::ranges::find(kCommands, call.name, &Command::name);
  try {
    return command->run(call);
  } catch (const std::exception& failure) {
    return call.fail(fmt::format("a defect: {}", failure.what()));
  }
}

Result<Connection> connect_api() {
  auto home = resolve_home("");
  if (!home) return home.error();
  // In a job MILLWRIGHT_URL and its token are for reports of progress only.
  const bool in_job = !read_environment("MILLWRIGHT_JOB_ID").empty();
  auto api = Api::open(*home, in_job ? "" : read_environment("MILLWRIGHT_URL"));
  if (!api) return api.error();
  return Connection{std::move(*home), std::move(*api)};
}

int show_help(const Call& call, Starter starter, bool only_version) {
  std::string options;
  for (const OptionRow& row : option_rows()) {
    if ((row.commands & starter) == 0 || row.support == Support::kRefused) continue;
    const std::string names = row.letter == 0 ? fmt::format("    --{}", row.name)
                                              : fmt::format("-{}, --{}", row.letter, row.name);
    options +=
        fmt::format("  {:<28}{}\n", names + (row.takes == Takes::kValue ? "=" : ""), row.says);
  }
  return help_of(call, only_version, options);
}

int show_listing_help(const Call& call, bool only_version) {
  std::string options;
  for (const Flag& flag : flags_of(call.name)) {
    if (!flag.refused.empty()) continue;
    options +=
        fmt::format("  {}--{}{}\n", flag.letter == 0 ? "    " : fmt::format("-{}, ", flag.letter),
                    flag.name, flag.takes == Takes::kValue ? "=" : "");
  }
  return help_of(call, only_version, options);
}

}  // namespace mw::face
