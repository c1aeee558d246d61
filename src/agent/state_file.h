// The file in which an agent's state outlives it. Written beside and renamed, after it has reached
// the disk: a crash leaves the old state or the new one. Mode 0600; it holds no secret.
#pragma once

#include <filesystem>
#include <string>

#include "agent/agent_state.h"
#include "base/result.h"

namespace mw::agent {

class StateFile {
 public:
  /// Makes the folder and takes the file for this process alone.
  /// Errors: kConflict when another agent has it; kUnavailable when it cannot be made.
  static Result<StateFile> open(const std::filesystem::path& folder, const std::string& node);
  StateFile(StateFile&& other) noexcept;
  StateFile& operator=(StateFile&&) = delete;
  ~StateFile();

  /// What was saved last; an empty state when there is none. One that cannot be read is put aside
  /// under the name that `damaged` is given, and the state is empty: sequences go on all the same,
  /// for they follow the clock.
  Result<AgentState> load(std::string& damaged) const;
  /// Errors: kUnavailable, naming the file and why. What was saved before is still there.
  [[nodiscard]] Result<void> save(const AgentState& state) const;

 private:
  StateFile(std::filesystem::path file, int lock) : file_(std::move(file)), lock_(lock) {}

  std::filesystem::path file_;
  int lock_ = -1;
};

}  // namespace mw::agent
