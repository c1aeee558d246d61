// A part of text.h: nodes, faults and what is done about them, in words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/text.h"
#include "model/event.h"

namespace mw::words {

/// What a node does from now on, as the end of a sentence that begins with its name.
std::string phase_text(const NodeMoved& moved);
/// "its jobs start again", "it is started anew".
std::string action_text(FaultAction action);
/// "n17, accelerator 3", "rack r2", "job 81".
std::string fault_place(const FaultReport& fault);
std::string fault_text(const FaultNoted& noted);
/// "passed", "could not be run".
std::string outcome_text(CheckOutcome outcome);
/// " [memory.copy 7.91 GB/s, disk.write 1.2 GB/s]"; empty: there are none.
std::string measures_text(const std::vector<Measure>& measures);

}  // namespace mw::words
