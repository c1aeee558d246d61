// Fault policies as files: YAML or JSON (docs/faults.md). Outside input is judged here, once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/fault_policy.h"

namespace mw {

/// Errors: kTooLarge for more than kFaultPolicyBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
Result<FaultPolicy> parse_fault_policy(std::string_view text, std::string_view source_name);

/// The file (JSON) that gives `policy` back.  REQUIRES: fault_of(policy) is empty.
std::string write_fault_policy(const FaultPolicy& policy);

/// A fault's code: words of letters, digits, "_" and "-", with dots between. Errors: kInvalid.
Result<std::string> parse_fault_code(std::string_view text);

inline constexpr std::size_t kFaultPolicyBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kFaultRulesMax = 5'000;
inline constexpr std::size_t kFaultStepsMax = 8;
inline constexpr std::size_t kFaultCodeBytesMax = 80;

}  // namespace mw
