// A JobMap of values that carry their own id, looked up by pointer.
#pragma once

#include <cstddef>
#include <utility>

#include "core/job_map.h"

namespace mw {

template <class T>
class JobTable {
 public:
  [[nodiscard]] std::size_t size() const { return map_.size(); }
  [[nodiscard]] const T* find(JobId id) const { return map_.get(id); }
  /// REQUIRES: `id` is in the table.
  [[nodiscard]] const T& at(JobId id) const { return map_.at(id); }
  /// The value, to be changed in this table and in no copy of it; see job_map.h.
  /// REQUIRES: `id` is in the table.
  T& change(JobId id) { return map_.change(id); }
  /// REQUIRES: `id` is not in the table.
  T& insert(JobId id, T value) { return map_.insert(id, std::move(value)); }
  /// REQUIRES: `id` is in the table.
  void erase(JobId id) { MW_CHECK(map_.erase(id) == 1); }

  /// Calls visitor(const T&) in id order, from `from` on, until it returns false.
  template <class Visitor>
  void visit(JobId from, Visitor&& visitor) const {
    for (auto at = map_.lower_bound(from); at != map_.end(); ++at) {
      if (!visitor(at->second)) return;
    }
  }
  /// The same in descending id order, for ids below `before`.
  template <class Visitor>
  void visit_down(JobId before, Visitor&& visitor) const {
    for (auto at = map_.lower_bound(before); at != map_.begin();) {
      --at;
      if (!visitor(at->second)) return;
    }
  }

  bool operator==(const JobTable&) const = default;

 private:
  JobMap<T> map_;
};

}  // namespace mw
