#include "core/job_classes.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace mw {

ClassId JobClasses::intern(const ClassKey& key) {
  const auto known = by_key_.find(key);
  if (known != by_key_.end()) {
    ++classes_[known->second.value()].records;
    return known->second;
  }
  ClassId id(static_cast<std::uint32_t>(classes_.size()));
  if (unused_.empty()) {
    classes_.emplace_back();
    standing_.resize((classes_.size() + 63) / 64);
  } else {
    id = unused_.back();
    unused_.pop_back();
  }
  JobClass& added = classes_[id.value()];
  added.key = key;
  added.generation = next_generation_++;
  added.records = 1;
  by_key_.emplace(key, id);
  return id;
}

void JobClasses::release(ClassId id) {
  JobClass& found = classes_[id.value()];
  MW_CHECK(found.records > 0);
  if (--found.records > 0) return;
  MW_CHECK(found.line.empty());
  by_key_.erase(found.key);
  found = JobClass();
  unused_.push_back(id);
}

void JobClasses::enqueue(ClassId id, JobId job) {
  std::deque<JobId>& line = classes_[id.value()].line;
  ++waiting_;
  standing_[id.value() / 64] |= std::uint64_t{1} << (id.value() % 64);
  if (line.empty() || line.back() < job) {
    line.push_back(job);
    return;
  }
  const auto at = std::lower_bound(line.begin(), line.end(), job);
  MW_CHECK(*at != job);
  line.insert(at, job);
}

void JobClasses::dequeue(ClassId id, JobId job) {
  std::deque<JobId>& line = classes_[id.value()].line;
  MW_CHECK(!line.empty());
  --waiting_;
  if (line.size() == 1) standing_[id.value() / 64] &= ~(std::uint64_t{1} << (id.value() % 64));
  if (line.front() == job) {
    line.pop_front();
    return;
  }
  const auto at = std::lower_bound(line.begin(), line.end(), job);
  MW_CHECK(at != line.end() && *at == job);
  line.erase(at);
}

void JobClasses::clear() { *this = JobClasses(); }

// Where nobody stands nobody decides, and how long such a class lives depends on what has left the
// state: one for those who have waited too long outlives them, but is not made anew without them.
bool JobClasses::operator==(const JobClasses& other) const {
  if (waiting_ != other.waiting_) return false;
  const auto next = [](auto at, const JobClasses& of) {
    while (at != of.by_key_.end() && of.at(at->second).line.empty()) ++at;
    return at;
  };
  auto mine = next(by_key_.begin(), *this);
  auto theirs = next(other.by_key_.begin(), other);
  while (mine != by_key_.end() && theirs != other.by_key_.end()) {
    const JobClass& a = at(mine->second);
    const JobClass& b = other.at(theirs->second);
    if (a.key != b.key || a.line != b.line || a.told != b.told) return false;
    mine = next(std::next(mine), *this);
    theirs = next(std::next(theirs), other);
  }
  return mine == by_key_.end() && theirs == other.by_key_.end();
}

std::uint8_t length_class(Duration time_limit) {
  if (time_limit.count() <= 0) return 255;
  const auto minutes_up =
      static_cast<std::uint64_t>((time_limit.count() - 1) / minutes(1).count() + 1);
  return static_cast<std::uint8_t>(std::bit_width(minutes_up - 1));
}

}  // namespace mw
