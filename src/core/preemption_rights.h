// Who may be stopped for whom, by the policy in force.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/gang.h"
#include "core/preemption.h"
#include "core/queueing.h"
#include "core/state.h"

namespace mw {

/// What is taken back from tenants that use more than their quotas, so that none of them is left
/// with less than it has a right to before the last attempt that is taken.
class TakenBack {
 public:
  TakenBack(const State& state, TenantId for_whom) : state_(state), for_whom_(for_whom) {}
  [[nodiscard]] bool may_take(const Attempt& attempt) const {
    const auto& own = state_.tenants.at(for_whom_).path;
    for (const TenantId each : path_of(attempt)) {
      if (std::find(own.begin(), own.end(), each) != own.end()) continue;
      const Tenant& tenant = state_.tenants.at(each);
      const auto taken = taken_.find(each);
      const AcceleratorShare gone = taken == taken_.end() ? AcceleratorShare() : taken->second;
      if (tenant.in_use.accelerators - gone > tenant.quota) return true;
    }
    return false;
  }
  void take(const Attempt& attempt) {
    for (const TenantId each : path_of(attempt)) taken_[each] += attempt.accelerators;
  }

 private:
  [[nodiscard]] const std::vector<TenantId>& path_of(const Attempt& attempt) const {
    return state_.tenants.at(attempt.tenant).path;
  }
  const State& state_;
  TenantId for_whom_;
  std::map<TenantId, AcceleratorShare> taken_;
};

enum class Right : std::uint8_t { kNone, kByClass, kReclaim, kMove };

/// By which rule the attempt may be stopped for the job.
class Rights {
 public:
  Rights(const State& state, JobId job, Stopping stopping)
      : state_(state), stopping_(stopping), tenant_(record_of(state, job).tenant) {
    const PreemptionRules& rules = state.policy.preemption;
    const JobSpec& spec = spec_of(state, job);
    const PriorityClass& ours = class_rules(state, spec);
    value_ = ours.value;
    reservations_ = !state.of_reservations.empty();
    reservation_ = &spec.reservation;
    by_class_ = rules.by_priority && ours.preempts;
    reclaims_ = rules.reclaim && state.tenants.within_quota(tenant_, least_need(spec).accelerators);
  }
  [[nodiscard]] Right over(const Attempt& attempt) const {
    if (stopping_ == Stopping::kExplain) return Right::kByClass;
    // Jobs of a reservation and all others take nothing from each other.
    if (reservations_ && attempt.spec->reservation != *reservation_) { return Right::kNone; }
    if (attempt.stopping || !attempt.preemptible) return Right::kNone;
    if (state_.now - attempt.placed_at < state_.policy.preemption.runtime_min) return Right::kNone;
    if (stopping_ == Stopping::kMove) {
      // Gangs over several nodes stay: to move them costs more than it brings.
      return attempt.placement.size() == 1 ? Right::kMove : Right::kNone;
    }
    if (by_class_ && attempt.class_value < value_) return Right::kByClass;
    if (!reclaims_) return Right::kNone;
    return TakenBack(state_, tenant_).may_take(attempt) ? Right::kReclaim : Right::kNone;
  }

 private:
  const State& state_;
  Stopping stopping_;
  TenantId tenant_;
  std::int32_t value_ = 0;
  const std::optional<std::string>* reservation_ = nullptr;  ///< of the job
  bool reservations_ = false;                                ///< some job names one
  bool by_class_ = false;
  bool reclaims_ = false;
};

}  // namespace mw
