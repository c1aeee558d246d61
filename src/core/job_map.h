// A map by job id whose copies share what neither has changed. Ids are handed out in sequence and
// old jobs leave in about that order, so pages of consecutive ids give constant-time access in id
// order, and copying a map is counting its pages.
//
// Reads never take anything apart; whoever wants to change a value says so with change(). A value
// stays where it is while others come and go, until it is erased, or changed while a copy of the
// map still has it: what was read before change() may be the copy's from then on. So a reference
// is good until the next change of the same value, and no longer.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/id.h"
#include "base/read_ahead.h"
#include "base/shared.h"
#include "core/numbered.h"

namespace mw {

template <class T>
class JobMap {
 public:
  using key_type = JobId;
  using mapped_type = T;
  using value_type = std::pair<const JobId, T>;

  /// In id order. Good until something is inserted or erased.
  class Iterator {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = JobMap::value_type;
    using difference_type = std::ptrdiff_t;
    using pointer = const value_type*;
    using reference = const value_type&;

    Iterator() = default;
    reference operator*() const { return *map_->pages_[page_].page->entries[entry_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      ++entry_;
      to_next();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    Iterator& operator--() {
      while (entry_ == 0 || before() == 0) {
        --page_;
        entry_ = kPage;
      }
      entry_ = 63 - static_cast<std::uint32_t>(std::countl_zero(before()));
      return *this;
    }
    Iterator operator--(int) {
      Iterator before = *this;
      --*this;
      return before;
    }
    bool operator==(const Iterator&) const = default;

   private:
    friend class JobMap;
    Iterator(const JobMap* map, std::size_t page, std::uint32_t entry)
        : map_(map), page_(page), entry_(entry) {
      to_next();
    }
    /// To the first entry at or after this place that is used.
    void to_next() {
      while (page_ < map_->pages_.size()) {
        const std::uint64_t used = map_->pages_[page_].page->used;
        const std::uint64_t rest = entry_ < kPage ? used >> entry_ : 0;
        if (rest != 0) {
          entry_ += static_cast<std::uint32_t>(std::countr_zero(rest));
          return;
        }
        ++page_;
        entry_ = 0;
      }
    }
    /// The entries of this page before this place that are used.  REQUIRES: entry_ > 0.
    [[nodiscard]] std::uint64_t before() const {
      if (page_ >= map_->pages_.size()) return 0;
      return map_->pages_[page_].page->used & (~std::uint64_t{0} >> (kPage - entry_));
    }
    const JobMap* map_ = nullptr;
    std::size_t page_ = 0;
    std::uint32_t entry_ = 0;
  };
  using const_iterator = Iterator;

  JobMap() = default;
  JobMap(const JobMap&) = default;
  JobMap(JobMap&& other) noexcept
      : pages_(std::move(other.pages_)), size_(std::exchange(other.size_, 0)) {}
  JobMap& operator=(const JobMap&) = default;
  JobMap& operator=(JobMap&& other) noexcept {
    pages_ = std::exchange(other.pages_, {});
    size_ = std::exchange(other.size_, 0);
    return *this;
  }
  ~JobMap() = default;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] Iterator begin() const { return {this, 0, 0}; }
  [[nodiscard]] Iterator end() const { return {this, pages_.size(), 0}; }
  [[nodiscard]] auto rbegin() const { return std::make_reverse_iterator(end()); }
  [[nodiscard]] auto rend() const { return std::make_reverse_iterator(begin()); }
  /// The first at or after `id`, and after it.
  [[nodiscard]] Iterator lower_bound(JobId id) const {
    const std::size_t page = lower_page(id);
    const bool within = page < pages_.size() && pages_[page].number == id.value() / kPage;
    return {this, page, within ? entry_of(id) : 0};
  }
  [[nodiscard]] Iterator upper_bound(JobId id) const {
    const Iterator at = lower_bound(id);
    return at != end() && at->first == id ? std::next(at) : at;
  }

  [[nodiscard]] Iterator find(JobId id) const {
    const Iterator at = lower_bound(id);
    return at != end() && at->first == id ? at : end();
  }
  /// The value of that id; null when there is none.
  [[nodiscard]] const T* get(JobId id) const {
    const std::size_t page = lower_page(id);
    if (page == pages_.size() || pages_[page].number != id.value() / kPage) return nullptr;
    const value_type* entry = pages_[page].page->entries[entry_of(id)].get();
    return entry == nullptr ? nullptr : &entry->second;
  }
  /// The value of that id will be read soon, if there is one.
  void read_ahead(JobId id) const {
    if (const T* const value = get(id)) mw::read_ahead(*value);
  }
  [[nodiscard]] bool contains(JobId id) const { return get(id) != nullptr; }
  [[nodiscard]] std::size_t count(JobId id) const { return contains(id) ? 1 : 0; }
  /// REQUIRES: `id` is in the map.
  const T& at(JobId id) const {
    const T* found = get(id);
    MW_CHECK(found != nullptr);
    return *found;
  }

  /// The value, to be changed in this map alone.  REQUIRES: `id` is in the map.
  T& change(JobId id) {
    const std::size_t page = lower_page(id);
    MW_CHECK(page < pages_.size() && pages_[page].number == id.value() / kPage);
    Shared<value_type>& entry = pages_[page].page.change().entries[entry_of(id)];
    MW_CHECK(entry);
    return entry.change().second;
  }
  /// The value, to be changed in this map alone; null when there is none.
  T* change_if(JobId id) {
    const std::size_t page = lower_page(id);
    if (page == pages_.size() || pages_[page].number != id.value() / kPage) return nullptr;
    if (!pages_[page].page->entries[entry_of(id)]) return nullptr;
    return &pages_[page].page.change().entries[entry_of(id)].change().second;
  }
  /// Second: whether it is new.
  std::pair<Iterator, bool> emplace(JobId id, T value) {
    if (contains(id)) return {find(id), false};
    insert(id, std::move(value));
    return {find(id), true};
  }
  /// REQUIRES: `id` is not in the map.
  T& insert(JobId id, T value) {
    const std::uint64_t number = id.value() / kPage;
    const std::size_t at = lower_page(id);
    if (at == pages_.size() || pages_[at].number != number) {
      pages_.insert(pages_.begin() + static_cast<std::ptrdiff_t>(at),
                    {number, Shared<Page>(std::in_place)});
    }
    Page& page = pages_[at].page.change();
    Shared<value_type>& entry = page.entries[entry_of(id)];
    MW_CHECK(!entry);
    entry = Shared<value_type>(std::in_place, id, std::move(value));
    page.used |= std::uint64_t{1} << entry_of(id);
    ++size_;
    return entry.change().second;
  }
  /// How many were erased: 0 when there was none.
  std::size_t erase(JobId id) {
    if (!contains(id)) return 0;
    const std::size_t at = lower_page(id);
    --size_;
    Page& page = pages_[at].page.change();
    page.entries[entry_of(id)] = {};
    page.used &= ~(std::uint64_t{1} << entry_of(id));
    if (page.used == 0) pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(at));
    return 1;
  }
  void erase(Iterator at) { erase(JobId(at->first)); }
  void clear() { *this = JobMap(); }

  /// Pages that two copies share are equal without a look.
  bool operator==(const JobMap&) const = default;

 private:
  static constexpr std::uint32_t kPage = 64;
  struct Page {
    std::uint64_t used = 0;                         ///< bit n: entry n
    std::array<Shared<value_type>, kPage> entries;  ///< by id, within the page
    bool operator==(const Page&) const = default;
  };
  struct NumberedPage {
    std::uint64_t number = 0;  ///< of the ids [64 number, 64 (number + 1))
    Shared<Page> page;
    bool operator==(const NumberedPage&) const = default;
  };
  static std::uint32_t entry_of(JobId id) { return static_cast<std::uint32_t>(id.value() % kPage); }
  [[nodiscard]] std::size_t lower_page(JobId id) const {
    return lower_bound_number(pages_, id.value() / kPage,
                              [](const NumberedPage& page) { return page.number; });
  }

  std::vector<NumberedPage> pages_;  ///< by number; none is empty
  std::size_t size_ = 0;
};

}  // namespace mw
