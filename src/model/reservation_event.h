// What becomes so of nodes that are set aside: a part of event.h.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "model/reservation.h"

namespace mw {

/// These nodes are set aside from `spec.start` on: what is put on them has to be gone by then.
struct ReservationMade {
  static constexpr std::string_view kKind = "reservation_made";
  ReservationSpec spec;  ///< with its true start
  std::vector<NodeId> nodes;
  std::string by;
  bool operator==(const ReservationMade&) const = default;
  MW_FIELDS(spec, nodes, by)
};
/// Its start has come: only jobs that name it are put on its nodes now.
struct ReservationBegun {
  static constexpr std::string_view kKind = "reservation_begun";
  std::string reservation;
  bool operator==(const ReservationBegun&) const = default;
  MW_FIELDS(reservation)
};
/// Nodes of it that are out of use were replaced by others.
struct ReservationMended {
  static constexpr std::string_view kKind = "reservation_mended";
  std::string reservation;
  std::vector<NodeId> gone;
  std::vector<NodeId> come;
  bool operator==(const ReservationMended&) const = default;
  MW_FIELDS(reservation, gone, come)
};
/// Its nodes are free for all.
struct ReservationEnded {
  static constexpr std::string_view kKind = "reservation_ended";
  std::string reservation;
  std::string by;  ///< who took it back; empty: its time is over
  bool operator==(const ReservationEnded&) const = default;
  MW_FIELDS(reservation, by)
};

}  // namespace mw
