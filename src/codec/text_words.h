// A part of text.h: the small words that its sentences are made of. Nothing here decides what is
// said; it only says it the same way everywhere.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/id.h"
#include "base/time.h"

namespace mw::words {

inline std::string number(std::uint64_t n) { return std::to_string(n); }

/// "1 task", "2 tasks".
std::string counted(std::uint64_t n, std::string_view one);
/// "a, b, c".
std::string listed(const std::vector<std::string>& words);
/// "job 4", "jobs 4 and 5", "jobs 1, 2, 3, 4 and 12 others"; "no job".
std::string listed_jobs(const std::vector<JobId>& jobs);
/// " by alice", or nothing.
std::string by_whom(const std::string& who);
/// ": detail", or nothing.
std::string after_colon(const std::string& detail);
/// "2026-12-01T08:00:00Z, in 3h 20m"; without the length when `at` has come, or when there is no
/// `now` to count from.
std::string moment(Instant at, Instant now);
/// Names and details come from people and programs; a terminal must not obey them.
std::string on_one_line(std::string line);

}  // namespace mw::words
