// Sentences for people, made from the typed facts of the model: why a job waits, what happened to
// it, why something was refused. Programs get the fields (codec/json.h), never these.
// What is written here is only looked at: amounts are rounded to what a reader needs. For text
// that reads back as the same value see codec/units.h.
#pragma once

#include <functional>
#include <string>

#include "base/quantity.h"
#include "base/time.h"
#include "model/event.h"
#include "model/job.h"
#include "model/reason.h"

namespace mw {

/// The name of a node, for texts that mention one.
using NodeNamer = std::function<std::string(NodeId)>;

/// Why a job has not started, in one sentence. `now`: what lengths of time are counted from.
std::string text(const PendingReason& reason, Instant now = {});
/// Why something was refused, and what to do instead, in one or two sentences.
std::string text(const Refusal& refusal);
/// How a task ended: "exited with code 3", "was killed by signal 9 (SIGKILL)".
std::string text(const TaskExit& exit);
/// What happened, in one line for a job's story or a list of events. `names` may be empty: nodes
/// are then "node 3".
std::string text(const EventBody& body, const NodeNamer& names = {});

/// "350 us", "350 ms", "1.5 s", "42 s", "3m 20s", "1h 02m", "2d 04h"; "0 s".
std::string duration_text(Duration length);
/// "512 B", "1.5 KiB", "16 GiB".
std::string bytes_text(Bytes size);
/// "1", "0.5", "0.125".
std::string share_text(AcceleratorShare share);
std::string share_text(CpuShare share);
/// Accelerator-time in seconds: "12.5 accelerator-seconds", "0 accelerator-seconds".
std::string accelerator_time_text(AcceleratorTime time);
/// "SIGKILL"; "signal 77" when it has no name.
std::string signal_name(std::int32_t signal);

}  // namespace mw
