// The categories of accelerator-time. Each accelerator is at each instant in exactly one, so the
// sum over categories is capacity x time, exactly. Which category, and why:
//
//   productive             an attempt runs; what it did since its last checkpoint counts here
//                          until it is known to be lost
//   starting               placed, but not every task runs yet
//   checkpointing          running, and saving a checkpoint by its own word
//   lost_work              was productive, and has to be done again
//   idle_no_demand         free, and nothing waits that could be started
//   idle_shape             free, and something waits, but no placement fits it
//   held                   kept free for a job that is about to start again
//   draining               free on a node that takes no new work
//   lost_contact           on a node that its engine has lost
//   used_by_others         taken by jobs that the engine got from somebody else
//
// The design names more (quota, power); each comes with
// the part of the brain that can tell it apart.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/fields.h"

namespace mw {

enum class LedgerCategory : std::uint8_t {
  kProductive,
  kStarting,
  kCheckpointing,
  kLostWork,
  kIdleNoDemand,
  kIdleShape,
  kHeld,
  kDraining,
  kLostContact,
  kValidating,
  kRepairing,
  kQuarantined,
  kUsedByOthers,
};
inline constexpr std::size_t kLedgerCategories = 13;
template <>
struct EnumNames<LedgerCategory> {
  static constexpr std::array<std::string_view, kLedgerCategories> value = {
      "productive", "starting",    "checkpointing", "lost_work",    "idle_no_demand",
      "idle_shape", "held",        "draining",      "lost_contact", "validating",
      "repairing",  "quarantined", "used_by_others"};
};

}  // namespace mw
