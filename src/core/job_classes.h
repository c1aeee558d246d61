// Jobs that wait, in classes: those of one class fit or do not fit together, so a pass tries one
// of each. A million jobs of a thousand classes cost what a thousand cost.
#pragma once

#include <bit>
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "base/id.h"
#include "core/tenants.h"
#include "model/job.h"

namespace mw {

/// Index of a class; used again once no job refers to it.
using ClassId = Id<struct ClassTag, std::uint32_t>;
inline constexpr ClassId kNoClass{0xFFFFFFFFU};

/// Which jobs go before which others whatever their tenants; smaller goes first.
struct ClassLevel {
  bool patient = true;  ///< not (yet) boosted for having waited too long
  std::int64_t minus_class = 0;
  std::int64_t minus_priority = 0;
  auto operator<=>(const ClassLevel&) const = default;
};

struct ClassKey {
  ClassLevel level;
  TenantId tenant;
  /// Time limits between powers of two of a minute; the longest: none. What may be backfilled
  /// depends on it.
  std::uint8_t length = 0;
  GangShape gang;
  std::vector<GangShape> groups;
  Whereabouts where;
  std::string reservation;
  auto operator<=>(const ClassKey&) const = default;
};

struct JobClass {
  ClassKey key;
  std::uint64_t generation = 0;  ///< tells classes apart that had the same id
  std::uint32_t records = 0;     ///< job records that refer to it
  std::deque<JobId> line;        ///< who waits, by id: the oldest first
  JobId told;                    ///< in State::blocked, whose reason is the class's; 0: none
};

class JobClasses {
 public:
  /// The class of that key, referred to once more.
  ClassId intern(const ClassKey& key);
  /// Referred to once less.
  void release(ClassId id);

  [[nodiscard]] const JobClass& at(ClassId id) const { return classes_[id.value()]; }
  [[nodiscard]] std::size_t slots() const { return classes_.size(); }
  /// Jobs that wait, over all classes.
  [[nodiscard]] std::size_t waiting() const { return waiting_; }
  /// Calls visit(ClassId) for each class with someone in line, by id.
  /// Cost: by classes with someone in line; there may be thousands more that have nobody.
  template <class Visitor>
  void for_each_line(Visitor&& visit) const {
    for (std::size_t word = 0; word < standing_.size(); ++word) {
      for (std::uint64_t left = standing_[word]; left != 0; left &= left - 1) {
        visit(ClassId(static_cast<std::uint32_t>(word * 64) +
                      static_cast<std::uint32_t>(std::countr_zero(left))));
      }
    }
  }

  void enqueue(ClassId id, JobId job);
  /// REQUIRES: the job stands in that line.
  void dequeue(ClassId id, JobId job);
  void set_told(ClassId id, JobId job) { classes_[id.value()].told = job; }
  void clear();

  /// The same jobs in the same lines, whatever the ids.
  bool operator==(const JobClasses& other) const;

 private:
  std::vector<JobClass> classes_;
  std::vector<std::uint64_t> standing_;  ///< bit n: someone stands in line in class n
  std::vector<ClassId> unused_;
  std::map<ClassKey, ClassId> by_key_;
  std::uint64_t next_generation_ = 1;
  std::size_t waiting_ = 0;
};

/// ClassKey::length of a time limit; 0: none.
std::uint8_t length_class(Duration time_limit);

}  // namespace mw
