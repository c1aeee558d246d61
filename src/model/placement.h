// Where a gang runs: which nodes, how many tasks on each, which devices of them.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/shared.h"

namespace mw {

/// A part of one device given to one task.
struct DeviceShare {
  std::uint16_t device = 0;  ///< its number on the node
  AcceleratorShare share;
  bool operator==(const DeviceShare&) const = default;
  MW_FIELDS(device, share)
};

/// A list of them. Nearly all of what is ever given are whole devices by rising number; as long as
/// a list is that it takes a bit for each, so a gang of a hundred thousand is no hundred thousand
/// pieces of memory.
class DeviceList {
 public:
  using value_type = DeviceShare;

  DeviceList() = default;
  DeviceList(std::initializer_list<DeviceShare> shares) {
    for (const DeviceShare& each : shares) push_back(each);
  }

  void push_back(const DeviceShare& share) {
    const bool bit = others_.empty() && share.share == kWholeAccelerator && share.device < 64 &&
                     (whole_ >> share.device) == 0;
    if (bit) {
      whole_ |= std::uint64_t{1} << share.device;
    } else {
      others_.push_back(share);
    }
  }
  void clear() { *this = DeviceList(); }
  [[nodiscard]] bool empty() const { return whole_ == 0 && others_.empty(); }
  [[nodiscard]] std::size_t size() const {
    return static_cast<std::size_t>(std::popcount(whole_)) + others_.size();
  }
  /// REQUIRES: index < size().  Cost: O(index) for whole devices.
  DeviceShare operator[](std::size_t index) const {
    Iterator at = begin();
    const auto bits = static_cast<std::size_t>(std::popcount(whole_));
    if (index >= bits) return others_[index - bits];
    for (; index > 0; --index) ++at;
    return *at;
  }
  [[nodiscard]] AcceleratorShare sum() const {
    AcceleratorShare sum = kWholeAccelerator * std::popcount(whole_);
    for (const DeviceShare& each : others_) sum += each.share;
    return sum;
  }

  class Iterator {
   public:
    DeviceShare operator*() const {
      if (whole_ == 0) return *other_;
      return {static_cast<std::uint16_t>(std::countr_zero(whole_)), kWholeAccelerator};
    }
    Iterator& operator++() {
      if (whole_ == 0) {
        ++other_;
      } else {
        whole_ &= whole_ - 1;
      }
      return *this;
    }
    bool operator==(const Iterator&) const = default;

   private:
    friend class DeviceList;
    Iterator(std::uint64_t whole, const DeviceShare* other) : whole_(whole), other_(other) {}
    std::uint64_t whole_;
    const DeviceShare* other_;
  };
  [[nodiscard]] Iterator begin() const { return {whole_, others_.data()}; }
  [[nodiscard]] Iterator end() const { return {0, others_.data() + others_.size()}; }

  bool operator==(const DeviceList&) const = default;

 private:
  std::uint64_t whole_ = 0;          ///< bit n: the whole device n; these come first
  std::vector<DeviceShare> others_;  ///< from the first on that such a bit would not tell
};

/// What a gang gets on one node: tasks `first_rank` .. `first_rank + tasks - 1`.
struct NodeSlice {
  NodeId node;
  std::uint32_t first_rank = 0;
  std::uint32_t tasks = 0;
  DeviceList devices;  ///< task by task, equally many for each
  bool operator==(const NodeSlice&) const = default;
  MW_FIELDS(node, first_rank, tasks, devices)
};

/// Where a gang runs, in rank order. Made once and then read in many places: the event, the
/// attempt, what the engine is told. They share it.
class Placement {
 public:
  using value_type = NodeSlice;

  Placement() = default;
  Placement(std::initializer_list<NodeSlice> slices) : Placement(std::vector<NodeSlice>(slices)) {}
  explicit Placement(std::vector<NodeSlice> slices) : slices_(std::move(slices)) {}

  [[nodiscard]] const NodeSlice* begin() const { return slices_ ? slices_->data() : nullptr; }
  [[nodiscard]] const NodeSlice* end() const { return begin() + size(); }
  [[nodiscard]] std::size_t size() const { return slices_ ? slices_->size() : 0; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  const NodeSlice& operator[](std::size_t index) const { return (*slices_)[index]; }
  [[nodiscard]] const NodeSlice& front() const { return slices_->front(); }
  [[nodiscard]] const NodeSlice& back() const { return slices_->back(); }

  /// The slices, to be changed here and in no copy.
  std::vector<NodeSlice>& change() {
    if (!slices_) slices_ = Shared(std::vector<NodeSlice>());
    return slices_.change();
  }

  friend bool operator==(const Placement& a, const Placement& b) {
    if (a.empty() || b.empty()) return a.empty() && b.empty();
    return a.slices_ == b.slices_;
  }

 private:
  Shared<std::vector<NodeSlice>> slices_;
};

}  // namespace mw
