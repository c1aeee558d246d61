// Whether two cores will decide the same from now on. What a core remembers of earlier tries
// decides too, so a core that came back from the journal must remember just what one does that was
// never gone; here the two are compared part by part, so that a test can tell which part is at
// fault.
#include <string>

#include "core/stepper.h"

namespace mw {
namespace {

/// By the keys of the classes, whose ids may differ; without those that stand for nothing any more.
std::map<ClassKey, TenantId> by_key(
    const State& state, const std::map<ClassId, std::pair<TenantId, std::uint64_t>>& barriers) {
  std::map<ClassKey, TenantId> all;
  for (const auto& [id, barrier] : barriers) {
    if (id.value() >= state.classes.slots()) continue;
    const JobClass& of = state.classes.at(id);
    if (of.records > 0 && of.generation == barrier.second) all.emplace(of.key, barrier.first);
  }
  return all;
}

}  // namespace

std::string first_difference(const State& a, const State& b) {
  std::string found;
  const auto left = a.field_references();
  const auto right = b.field_references();
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (void)((std::get<I>(left) == std::get<I>(right) ? false
                                                    : (found = kFieldNames<State>[I], true)) ||
           ...);
  }
  (std::make_index_sequence<kFieldCount<State>>());
  if (found.empty() && !(a == b)) found = "its indexes";
  return found;
}

std::string Core::Stepper::difference_from(const Stepper& other) const {
  if (std::string field = first_difference(state_, other.state_); !field.empty()) return field;
  if (!wakes_.is_like(state_, other.wakes_, other.state_)) return "who is asleep";
  if (!(retries_.like(state_.classes) == other.retries_.like(other.state_.classes))) {
    return "when searches are made again";
  }
  if (by_key(state_, barriers_) != by_key(other.state_, other.barriers_)) return "barriers";
  if (sleeping_restarts_ != other.sleeping_restarts_) return "which restarts sleep";
  if (backfill_at_ != other.backfill_at_) return "when backfill looks again";
  if (grow_at_ != other.grow_at_) return "when elastic jobs may grow";
  return "";
}

}  // namespace mw
