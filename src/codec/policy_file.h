// Policy files: YAML (and so JSON) in, a validated Policy out: priority classes, the tree of
// tenants, and every weight that a decision uses. This is the only place where a policy file is
// judged; what comes out can be decided by (fault_of() finds nothing in it). docs/policy.md
// describes each key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/policy.h"

namespace mw {

/// Reads one policy file. What it does not say is as in Policy{}; only an empty text is refused,
/// for that is rather a file that did not arrive. Tenants come out parents first, each with all
/// below it before its next sibling.
/// `source_name`: for messages; empty: only line and column.
/// Errors: kTooLarge for more than kPolicyFileBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
Result<Policy> parse_policy_file(std::string_view text, std::string_view source_name);

/// The policy file (JSON) that gives `policy` back, with every value in it but quotas of 0.
/// REQUIRES: the policy came out of parse_policy_file, or is Policy{}.
std::string write_policy_file(const Policy& policy);

// Bounds of what a file may say; the messages and docs/policy.md name them.
inline constexpr std::size_t kPolicyFileBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kClassesMax = 100;
inline constexpr std::int64_t kClassValueMax = 1'000'000;
inline constexpr std::size_t kTenantsMax = 10'000;
inline constexpr std::size_t kTenantDepthMax = 12;
inline constexpr std::int64_t kTenantQuotaMax = 64'000'000;  ///< accelerators, as of a fleet
inline constexpr std::int64_t kTenantWeightMax = 1'000'000;
inline constexpr std::int64_t kReservationsMax = 10'000;
inline constexpr std::size_t kSpareRulesMax = 20;
inline constexpr std::int64_t kSparesMax = 1'000'000;
inline constexpr std::int64_t kPercentMax = 10'000;
inline constexpr Duration kPolicyDurationMax = hours(24 * 3650);
/// A shorter one would forget past use between two decisions.
inline constexpr Duration kHalfLifeMin = seconds(1);

}  // namespace mw
