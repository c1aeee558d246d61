#include "core/fill_memo.h"

#include <algorithm>

#include "base/random.h"

namespace mw {

std::int64_t FillMemo::value(const DemandOutlook& outlook, const NodeRoom& room) {
  if (room.devices.size() > kDevicesMax) return fill_value(outlook, room);
  if (room.devices.empty()) return 0;
  if (entries_.empty()) entries_.resize(kEntries);
  Key key;
  key.type = room.type;
  key.cpus = room.cpus.count();
  key.memory = room.memory.count();
  key.count = static_cast<std::uint32_t>(room.devices.size());
  for (std::size_t i = 0; i < room.devices.size(); ++i) {
    key.left[i] = static_cast<std::int32_t>(room.devices[i].count());
  }
  // Which device is which does not matter.
  std::sort(key.left.begin(), key.left.begin() + key.count);
  Entry& entry = entries_[index_of(key)];
  if (entry.mark != outlook.sample_mark || entry.key != key) {
    entry = {outlook.sample_mark, key, fill_value(outlook, room)};
  }
  return entry.value;
}

std::size_t FillMemo::index_of(const Key& key) {
  // Random's mixing function, word by word.
  std::uint64_t hash = key.type;
  const auto mix = [&](std::int64_t word) {
    hash = Random(hash ^ static_cast<std::uint64_t>(word)).next();
  };
  mix(key.cpus);
  mix(key.memory);
  mix(key.count);
  for (std::size_t i = 0; i < key.count; i += 2) {
    mix((std::int64_t{key.left[i]} << 32U) + key.left[std::min(i + 1, kDevicesMax - 1)]);
  }
  return hash % kEntries;
}

}  // namespace mw
