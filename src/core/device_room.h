// What each accelerator of a node has free, in thousandths. Held inline for the nodes there are,
// so that copying half a million of them is copying memory.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "base/quantity.h"

namespace mw {

class DeviceRoom {
 public:
  DeviceRoom() = default;
  /// `count` devices, all of each free.
  explicit DeviceRoom(std::uint32_t count) : count_(count) {
    if (count_ > kInline) more_.assign(count_, kWhole);
    for (std::uint32_t i = 0; i < count_ && i < kInline; ++i) inline_[i] = kWhole;
  }

  [[nodiscard]] std::uint32_t size() const { return count_; }
  [[nodiscard]] AcceleratorShare operator[](std::uint32_t device) const {
    return AcceleratorShare(data()[device]);
  }
  /// Adds `change` to what the device has free.  REQUIRES: it stays within a whole one.
  void add(std::uint32_t device, AcceleratorShare change) {
    MW_CHECK(device < count_);
    std::uint16_t& free = count_ > kInline ? more_[device] : inline_[device];
    const std::int64_t sum = free + change.count();
    MW_CHECK(sum >= 0 && sum <= kWhole);
    free = static_cast<std::uint16_t>(sum);
  }
  /// How many are entirely free.
  [[nodiscard]] std::uint32_t whole() const {
    return static_cast<std::uint32_t>(std::count(data(), data() + count_, kWhole));
  }
  /// How many tasks fit that each want `share` of one device.  REQUIRES: 0 < share <= a whole one.
  [[nodiscard]] std::uint32_t parts(AcceleratorShare share) const {
    std::uint32_t sum = 0;
    for (std::uint32_t i = 0; i < count_; ++i) {
      sum += data()[i] / static_cast<std::uint32_t>(share.count());
    }
    return sum;
  }
  /// True when a device is free in part.
  [[nodiscard]] bool has_parts() const {
    return std::any_of(data(), data() + count_,
                       [](std::uint16_t free) { return free != 0 && free != kWhole; });
  }
  /// The same amounts, the largest first: equal for nodes that can take the same tasks.
  [[nodiscard]] DeviceRoom sorted() const {
    DeviceRoom result = *this;
    std::uint16_t* begin = count_ > kInline ? result.more_.data() : result.inline_.data();
    std::sort(begin, begin + count_, [](std::uint16_t a, std::uint16_t b) { return a > b; });
    return result;
  }

  auto operator<=>(const DeviceRoom&) const = default;
  bool operator==(const DeviceRoom&) const = default;

 private:
  static constexpr std::uint16_t kWhole = 1000;
  static constexpr std::uint32_t kInline = 16;
  [[nodiscard]] const std::uint16_t* data() const {
    return count_ > kInline ? more_.data() : inline_.data();
  }

  std::uint32_t count_ = 0;
  std::array<std::uint16_t, kInline> inline_{};  ///< of up to 16
  std::vector<std::uint16_t> more_;              ///< of more
};

}  // namespace mw
