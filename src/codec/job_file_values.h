// A part of job_file.h: the values that its keys take, and the words that people use for its keys.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/quantity.h"
#include "base/result.h"

namespace mw {

// As in codec/units.h a reader's message is only "expected ...".

/// Types are names as vendors and drivers give them, spaces included.
Result<std::string> parse_accelerator_type(std::string_view text);
/// Whole accelerators, or a part of one.
Result<AcceleratorShare> parse_accelerators(std::string_view text);
Result<CpuShare> parse_cpus(std::string_view text);

/// Letters, digits and _, not beginning with a digit.
bool is_variable_name(std::string_view text);
bool has_control_character(std::string_view text);

/// The key that `key` in `group` (empty: the top) was meant to be, also when that is what another
/// system calls it; empty when that is anyone's guess.
std::string_view what_was_meant(std::string_view key, std::string_view group,
                                std::span<const std::string_view> allowed);

}  // namespace mw
