// Remembers fill_value() of rooms: nodes of one kind are often in the same condition. A table that
// forgets what it has to make room; keys are compared whole, so that a wrong hit cannot happen, and
// remembering changes the time that an answer takes and never the answer.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/demand_outlook.h"
#include "core/node_room.h"

namespace mw {

class FillMemo {
 public:
  /// fill_value(outlook, room). Rooms of more than 16 devices are not remembered.
  /// Cost: as fill_value(), or 50 ns when it is remembered; 8 MB, once it was asked.
  std::int64_t value(const DemandOutlook& outlook, const NodeRoom& room);

 private:
  static constexpr std::size_t kEntries = std::size_t{1} << 16U;
  static constexpr std::size_t kDevicesMax = 16;
  struct Key {
    std::int64_t cpus = 0;
    std::int64_t memory = 0;
    std::uint32_t type = 0;
    std::uint32_t count = 0;
    std::array<std::int32_t, kDevicesMax> left{};
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    std::uint64_t mark = 0;  ///< of the sample
    Key key;
    std::int64_t value = 0;
  };
  static std::size_t index_of(const Key& key);

  std::vector<Entry> entries_;
};

}  // namespace mw
