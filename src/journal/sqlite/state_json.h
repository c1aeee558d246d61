// The State as JSON, for snapshots: one document, cut between elements of its large lists into
// pieces that are documents themselves, so that neither writing nor reading holds all of it.
//
//   {"last_seq":7,...,"records":[[1,{...}],[2,{...}]]}   {"records":[[3,{...}]],"jobs":[...],...}
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/result.h"
#include "core/state.h"

namespace mw::sqlite {

/// Calls `sink` with pieces of about `chunk_bytes`, in order, until it returns false.
void write_state(const State& state, std::size_t chunk_bytes,
                 const std::function<bool(const std::string& chunk)>& sink);

/// Puts a State together from its pieces.
class StateReader {
 public:
  /// Takes the next piece.  Errors: kInvalid, naming field and fault.
  Result<void> add(std::string_view chunk);
  /// The state, with its indexes rebuilt.  Errors: kInvalid when a field is missing, or something
  /// in it refers to what is not there.
  Result<State> finish();
  /// The primary fields only, unchecked.
  [[nodiscard]] const State& so_far() const { return state_; }

 private:
  State state_;
  std::array<bool, kFieldCount<State>> seen_{};
};

/// A job and a specification as rows of the tables of ended jobs.
std::string job_row(const Job& job);
Result<Job> parse_job_row(std::string_view row);
std::string spec_row(const JobSpec& spec);
Result<JobSpec> parse_spec_row(std::string_view row);

/// Tells a damaged text from a whole one (FNV-1a, 64 bits): against faults, not against people.
std::uint64_t digest_of(std::string_view text);

}  // namespace mw::sqlite
