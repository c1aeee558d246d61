// One run of one program: started without a shell, watched, and ended with all that it started.
#pragma once

#include <string>
#include <utility>
#include <vector>

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

/// Runs it to its end, its time limit, or until `stop` is set; then nothing of it is left.
HookResult run_hook(const HookCommand& command, const StopFlag& stop);

}  // namespace mw::hooks
