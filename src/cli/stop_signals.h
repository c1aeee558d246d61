// How verbs that go on until somebody ends them are told to stop.
#pragma once

namespace mw {

/// A descriptor that can be read once SIGTERM or SIGINT has come, which do nothing else from now
/// on; below 0 when there is none to be had. The caller closes it.
int open_stop_signals();

}  // namespace mw
