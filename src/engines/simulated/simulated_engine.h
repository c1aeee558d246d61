// An engine without machines: attempts start and end on timers, in real time, and no process runs.
// For trying policies, job files and the command line on a fleet that one does not have; the brain
// decides as it would live. What is simulated is a task's life and nothing else: no output, no
// progress, no failures but those that a job asks for.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "loop/engine.h"

namespace mw {

struct SimulatedEngineOptions {
  /// How long a task runs when its job does not say so.
  Duration run = seconds(60);
  /// Nodes to report. The nodes of a declared fleet are there without being reported.
  std::vector<NodeSpec> nodes;
};

// What a job says in its environment. A value that cannot be read ends the attempt at once, with
// what is wrong as the reason.
inline constexpr std::string_view kSimulatedRun = "SIMULATED_RUN";    ///< a duration: "90s"
inline constexpr std::string_view kSimulatedExit = "SIMULATED_EXIT";  ///< exit code, 0 to 255
inline constexpr Duration kSimulatedRunMax = hours(24 * 3650);

/// It remembers nothing: attempts that it finds at its start run on, their whole time again from
/// then on.
std::unique_ptr<Engine> make_simulated_engine(SimulatedEngineOptions options);

}  // namespace mw
