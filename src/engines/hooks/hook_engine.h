// Programs that do what is done to nodes, beside whatever engine runs the tasks: it hands all else
// on, and runs the fault policy's hooks itself. A program is given arguments, never a line for a
// shell; it has a time limit, is tried again as the policy says, and is told everything in its
// environment: MILLWRIGHT_NODE, MILLWRIGHT_ACTION, MILLWRIGHT_REMEDY, MILLWRIGHT_FAULT,
// MILLWRIGHT_DEVICE, MILLWRIGHT_TRY.
//
// Checks are such programs as well: the ones of a node are run one after the other until one fails,
// and what they measure is read from what they write (check_output.h). The check of an idle node is
// killed, without being asked first, as soon as it is forgotten; nobody waits until it is gone.
//
// A remedy is run once, however often it is told, and what it gave is told until it is forgotten.
// Each run has a folder of its own below HOME/hooks and outlives the control plane: the next one
// takes it up where it is, or hears how it ended meanwhile. Only checks of idle nodes end with a
// control plane that is told to end.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "loop/engine.h"

namespace mw {

struct HookResult {
  bool ok = false;
  std::string detail;              ///< the last line that it wrote, or why it has none
  std::string output;              ///< the end of what it wrote
  std::optional<int> exit_code{};  ///< none: it did not exit by itself, or never ran
  bool ran = false;
};

struct HookOptions {
  std::filesystem::path directory;   ///< where runs are kept; made when there is one
  std::filesystem::path supervisor;  ///< the program mw-supervisor
};

std::unique_ptr<Engine> make_hook_engine(std::unique_ptr<Engine> inner, HookOptions options);

}  // namespace mw
