// What will happen in the simulated world, in order: by time, and of one time in the order in which
// it was entered. Entries are never taken out of the midst; whoever looks at one
// checks that it still holds.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/time.h"

namespace mw {

template <class What>
class Calendar {
 public:
  void enter(Instant at, What what) {
    heap_.push_back({at, next_++, std::move(what)});
    std::push_heap(heap_.begin(), heap_.end(), Later());
  }
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  /// When the next one happens; never() when nothing does.
  [[nodiscard]] Instant next() const { return empty() ? Instant::never() : heap_.front().at; }
  /// What happens next.  REQUIRES: not empty.
  [[nodiscard]] const What& top() const { return heap_.front().what; }
  /// REQUIRES: not empty.  Cost: O(log entries).
  What take() {
    std::pop_heap(heap_.begin(), heap_.end(), Later());
    What what = std::move(heap_.back().what);
    heap_.pop_back();
    return what;
  }

 private:
  struct Entry {
    Instant at;
    std::uint64_t order;
    What what;
  };
  struct Later {
    bool operator()(const Entry& a, const Entry& b) const {
      return a.at != b.at ? a.at > b.at : a.order > b.order;
    }
  };
  std::vector<Entry> heap_;
  std::uint64_t next_ = 0;
};

}  // namespace mw
