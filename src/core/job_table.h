// A table by job id. Ids are handed out in sequence and old jobs leave in about that order, so
// pages of consecutive ids give constant-time access in little memory, in id order.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>

#include "base/check.h"
#include "base/id.h"

namespace mw {

template <class T>
class JobTable {
 public:
  static constexpr std::size_t kPage = 256;

  JobTable() = default;
  JobTable(JobTable&&) noexcept = default;
  JobTable& operator=(JobTable&&) noexcept = default;
  JobTable(const JobTable& other) : size_(other.size_) {
    for (const auto& [number, page] : other.pages_) {
      pages_.emplace_hint(pages_.end(), number, std::make_unique<Page>(*page));
    }
  }
  JobTable& operator=(const JobTable& other) { return *this = JobTable(other); }
  ~JobTable() = default;

  [[nodiscard]] std::size_t size() const { return size_; }

  [[nodiscard]] const T* find(JobId id) const {
    const Page* page = page_of(id);
    if (page == nullptr) return nullptr;
    const auto& slot = page->slots[id.value() % kPage];
    return slot ? &*slot : nullptr;
  }
  [[nodiscard]] T* find(JobId id) {
    return const_cast<T*>(std::as_const(*this).find(id));  // NOLINT: the one definition of find
  }
  /// REQUIRES: `id` is in the table.
  const T& at(JobId id) const {
    const T* found = find(id);
    MW_CHECK(found != nullptr);
    return *found;
  }
  T& at(JobId id) {
    T* found = find(id);
    MW_CHECK(found != nullptr);
    return *found;
  }

  /// REQUIRES: `id` is not in the table.
  T& insert(JobId id, T value) {
    auto& page = pages_[id.value() / kPage];
    if (page == nullptr) page = std::make_unique<Page>();
    auto& slot = page->slots[id.value() % kPage];
    MW_CHECK(!slot.has_value());
    slot.emplace(std::move(value));
    ++page->used;
    ++size_;
    return *slot;
  }
  void erase(JobId id) {
    const auto found = pages_.find(id.value() / kPage);
    MW_CHECK(found != pages_.end());
    auto& slot = found->second->slots[id.value() % kPage];
    MW_CHECK(slot.has_value());
    slot.reset();
    --size_;
    if (--found->second->used == 0) pages_.erase(found);
  }

  /// Calls visitor(const T&) in id order, from `from` on, until it returns false.
  template <class Visitor>
  void visit(JobId from, Visitor&& visitor) const {
    for (auto it = pages_.lower_bound(from.value() / kPage); it != pages_.end(); ++it) {
      for (std::size_t i = 0; i < kPage; ++i) {
        if (it->first * kPage + i < from.value()) continue;
        const auto& slot = it->second->slots[i];
        if (slot && !visitor(*slot)) return;
      }
    }
  }

  /// The same in descending id order, for ids below `before`.
  template <class Visitor>
  void visit_down(JobId before, Visitor&& visitor) const {
    for (auto it = pages_.upper_bound(before.value() / kPage); it != pages_.begin();) {
      --it;
      for (std::size_t i = kPage; i-- > 0;) {
        if (it->first * kPage + i >= before.value()) continue;
        const auto& slot = it->second->slots[i];
        if (slot && !visitor(*slot)) return;
      }
    }
  }

  bool operator==(const JobTable& other) const {
    if (size_ != other.size_) return false;
    bool equal = true;
    visit(JobId(), [&](const T& value) {
      const T* match = other.find(value.id);
      equal = match != nullptr && *match == value;
      return equal;
    });
    return equal;
  }

 private:
  struct Page {
    std::array<std::optional<T>, kPage> slots;
    std::size_t used = 0;
  };
  const Page* page_of(JobId id) const {
    const auto found = pages_.find(id.value() / kPage);
    return found == pages_.end() ? nullptr : found->second.get();
  }
  std::map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::size_t size_ = 0;
};

}  // namespace mw
