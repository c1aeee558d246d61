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
// It ends with the control plane, and is run again by the next one, with the same
// MILLWRIGHT_REMEDY: so a hook has to bear being run twice for one remedy.
#pragma once

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

std::unique_ptr<Engine> make_hook_engine(std::unique_ptr<Engine> inner);

}  // namespace mw
