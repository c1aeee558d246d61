// One run of one program: started without a shell, watched, and ended with all that it started. It
// runs under a supervisor of its own, the one of the local engine's tasks, and so outlives the
// control plane that began it: whoever comes next finds the folder, and takes the run up where it
// is, or its end.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/time.h"
#include "engines/hooks/hook_engine.h"

namespace mw::hooks {

struct HookCommand {
  std::vector<std::string> arguments;  ///< the first is the program's path
  std::vector<std::pair<std::string, std::string>> environment;  ///< all of it
  Duration timeout;
  /// Between asking it to end and killing it, when it is to stop before its time.
  Duration grace = seconds(2);
};

/// Where a run is kept. Its folder has it from before the start until somebody removes it.
struct HookPlace {
  std::filesystem::path directory;
  std::filesystem::path supervisor;  ///< the program mw-supervisor
  Epoch remedy;                      ///< of which this is a part
  std::uint32_t part = 1;            ///< 1, 2, ...
};

/// Something to wait for and to wake: an event that stays set once it is.
class StopFlag {
 public:
  StopFlag();
  ~StopFlag();
  StopFlag(const StopFlag&) = delete;
  StopFlag& operator=(const StopFlag&) = delete;
  void set();
  [[nodiscard]] bool is_set() const;
  /// True when it was set within that time.
  [[nodiscard]] bool wait(Duration length) const;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_ = -1;
};

/// What ends the waiting for a run.
struct HookFlags {
  StopFlag stop;   ///< the run is to end
  StopFlag leave;  ///< it goes on, and somebody else waits for it
};

/// Runs it to its end, its time limit, or until it is to stop; then nothing of it is left but its
/// folder. A run that is there already, of the same program, is not begun again. Time that passed
/// while nobody waited counts.
/// Result: nothing when it was left running.
std::optional<HookResult> run_hook(const HookCommand& command, const HookPlace& place,
                                   const HookFlags& flags);

/// Kills what runs in such a folder, and waits until it is gone.
void end_hook(const std::filesystem::path& directory);

}  // namespace mw::hooks
