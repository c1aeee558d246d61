// Claims as they lie on nodes. A claimed node shows others only what they may still use when the
// claim begins, so that whatever is placed by what is shown delays nobody.
#pragma once

#include "core/state.h"

namespace mw {

/// Lays the claim on its nodes: what is free there is held from now on.
/// REQUIRES: none of them is claimed.
void lay_claim(State& state, const Claim& claim);
/// Takes it off again.
void lift_claim(State& state, const Claim& claim);
/// As lay_claim(), when the ledger knows already.
void restore_claim(State& state, const Claim& claim);

/// Power allows the claim beside all others as they lie now, those on its own nodes too.
bool power_allows(const State& state, const Claim& claim);

/// What is placed on claimed nodes and stays longer than the claim waits, uses up what it left. The
/// index of what is free learns of it when the capacity is taken.
void use_up_claims(State& state, const JobSpec& spec, const Placement& placement, Instant end);

/// Lifts claims for as long as this lives, to see what would fit without them: deciding, not
/// changing. When it ends they lie where they did, less what was dropped meanwhile.
class LiftedClaims {
 public:
  explicit LiftedClaims(State& state);
  /// The claim of one job, if it has one.
  LiftedClaims(State& state, JobId job) : LiftedClaims(state) { lift(job); }
  LiftedClaims(const LiftedClaims&) = delete;
  LiftedClaims& operator=(const LiftedClaims&) = delete;
  ~LiftedClaims();

  /// One more, if the job has one that lies on nodes now.
  void lift(JobId job);
  /// All that lie on nodes now.
  void lift_all();

 private:
  void lift(const Claim& claim);

  State& state_;
  std::uint64_t changes_before_;
  std::vector<const Claim*> claims_;
};

}  // namespace mw
