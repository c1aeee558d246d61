#include "engines/slurm/rule_switch.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace mw::slurm {
namespace {

/// As the rule calls it.
constexpr std::string_view kFileName = "millwright.off";
/// Slurm did not say how it is configured; it may take a minute to say nothing.
constexpr std::chrono::seconds kAskAgainAfter{60};

bool is_no_answer(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
}

/// The rule reads it as the user that slurmctld runs as, and its folder is root's: so it is made
/// once, by whoever installs the rule, and only what is in it changes.
Error cannot_write(const std::filesystem::path& file) {
  return Error{ErrorCode::kForbidden,
               fmt::format("cannot write {}: {}; make it once as root, for the user that serves: "
                           "install -m 644 -o USER /dev/null {}",
                           file.string(), std::strerror(errno), file.string())};
}

Result<void> write(const std::filesystem::path& file, std::string_view text) {
  errno = 0;
  std::ofstream stream(file, std::ios::trunc);
  stream << text;
  if (!stream.flush()) return cannot_write(file);
  return {};
}

/// Of "Key    = value" in a line of its own; empty when there is none.
std::string_view value_of(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find(" = ");
    if (equals == std::string_view::npos || !line.starts_with(key)) continue;
    if (line.find_first_not_of(' ', key.size()) != equals + 1) continue;
    return line.substr(equals + 3);
  }
  return {};
}

}  // namespace

Result<std::optional<std::filesystem::path>> rule_switch(std::string_view configuration) {
  if (value_of(configuration, "JobSubmitPlugins").find("lua") == std::string_view::npos) {
    return std::optional<std::filesystem::path>();
  }
  const std::string_view conf = value_of(configuration, "SLURM_CONF");
  if (!conf.starts_with('/')) {
    return Error{ErrorCode::kInvalid,
                 "\"scontrol show config\" does not say where slurm.conf is (SLURM_CONF)"};
  }
  return std::optional(std::filesystem::path(conf).parent_path() / kFileName);
}

Result<void> switch_rule_off(const std::filesystem::path& file) {
  return write(file, "Jobs go to Slurm's own scheduler. \"mw up\" empties this file.\n");
}

Result<bool> switch_rule_on(const std::filesystem::path& file) {
  std::error_code fault;
  const auto size = std::filesystem::file_size(file, fault);
  if (fault || size == 0) return false;
  if (const auto written = write(file, ""); !written) return written.error();
  return true;
}

void RuleSwitch::turn_on(SlurmClient& client) {
  using SteadyClock = std::chrono::steady_clock;
  if (done_ || SteadyClock::now() < again_at_) return;
  const auto configuration = client.configuration();
  if (!configuration && is_no_answer(configuration.error())) {
    again_at_ = SteadyClock::now() + kAskAgainAfter;
    return spdlog::warn("slurm engine: whether new jobs are handed to us is asked again: {}",
                        configuration.error().message);
  }
  done_ = true;
  const auto file = configuration
                        ? rule_switch(*configuration)
                        : Result<std::optional<std::filesystem::path>>(configuration.error());
  if (file && !*file) return;
  const auto was_off = file ? switch_rule_on(**file) : Result<bool>(file.error());
  if (!was_off) {
    spdlog::warn("slurm engine: if the cluster was given back, new jobs are not handed to us: {}",
                 was_off.error().message);
  } else if (*was_off) {
    spdlog::info("slurm engine: new jobs are handed to us again: {} was emptied",
                 (*file)->string());
  }
}

}  // namespace mw::slurm
