// What faults of a trace are called here: by their class and description, the code under which they
// are told to the control plane, and what they do to the node.
#pragma once

#include <string>
#include <string_view>

#include "codec/fault_trace.h"
#include "model/scenario.h"

namespace mw {

struct TraceCode {
  std::string_view component;  ///< the trace's class; empty: any
  std::string_view what;       ///< its description; empty: any
  std::string_view code;
  FaultEffect effect = FaultEffect::kBroken;
};

/// Of the InfiniteHBD trace, each of its 41 kinds; of others what is alike, and `host.unknown`. The
/// trace says that the server was out, and not whether work on it was interrupted: each is taken to
/// interrupt, which is too often for fans and power supplies.
const TraceCode& code_of(const TraceFault& fault);

}  // namespace mw
