// Which classes need not be tried again yet. A class that does not fit sleeps until so much has
// come free that it might: what it would still lack is a lower bound, so nobody who fits sleeps on.
// Without it the same classes would fit, but be tried more often; and what is done for one that
// does not fit depends on when it is tried, so a step that tries is stored (Core::has_tried).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "core/placement.h"
#include "core/state.h"

namespace mw {

class Wakes {
 public:
  /// Someone new stands in the class's line, or its first is another one now.
  void joined(const State& state, ClassId id);
  /// The class is to be tried, whatever it lacks.
  void wake(ClassId id);
  /// The nodes have more room than before; looked at when the next pass begins.
  void freed(const Placement& placement);
  /// As much as it claimed, and not only what was kept from others.
  void freed(const State& state, const Claim& claim);
  void freed(const State& state, NodeId node);
  /// The tenant, and all above it, use less than before.
  void freed(const State& state, TenantId tenant);
  /// Everything may be different.
  void all(const State& state);

  /// The class was tried and does not fit.
  void sleep(const State& state, ClassId id, const NoPlace& why);
  /// It waits for its tenant, or one above it, to use less.
  void sleep_for_quota(const State& state, ClassId id, TenantId tenant);

  /// Classes to be tried now, by id; they are awake until they sleep again or are taken.
  std::vector<ClassId> take(const State& state);
  [[nodiscard]] bool is_awake(const State& state, ClassId id) {
    const Sleeper* found = sleeper(state, id);
    return found == nullptr || tenants_.contains(found->tenant);
  }
  /// Like another's, by the keys of the classes: their ids may differ.
  [[nodiscard]] bool is_like(const State& state, const Wakes& other, const State& theirs) const;
  [[nodiscard]] bool quiet() const { return awake_.empty() && nodes_.empty() && tenants_.empty(); }

 private:
  struct Sleeper {
    std::uint64_t generation = 0;  ///< of the class; 0: nobody sleeps here
    std::uint64_t shortage = 0;    ///< tasks for which room has to come free yet
    std::vector<std::uint64_t>
        shortage_at{};            ///< the same by site, if known: one of them is enough
    bool any = false;             ///< whatever comes free may help
    Watts power;                  ///< watts that come free, in these units, help as well; 0: no
    TenantId tenant = kNoTenant;  ///< that has to use less
    /// Whatever number its class has.
    [[nodiscard]] bool is_like(const Sleeper& other) const {
      return shortage == other.shortage && shortage_at == other.shortage_at && any == other.any &&
             power == other.power && tenant == other.tenant;
    }
  };
  [[nodiscard]] std::map<ClassKey, Sleeper> asleep(const State& state) const;
  [[nodiscard]] std::set<ClassKey> awake(const State& state) const;
  [[nodiscard]] Sleeper* sleeper(const State& state, ClassId id);
  void forget(ClassId id);
  void wake_by_room(const State& state);

  std::vector<Sleeper> sleepers_;  ///< by class
  std::set<ClassId> asleep_;       ///< of them, those where somebody sleeps
  std::set<ClassId> awake_;
  std::map<NodeId, AcceleratorShare> nodes_;  ///< with what has come free there
  std::set<TenantId> tenants_;
};

}  // namespace mw
