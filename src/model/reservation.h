// Nodes that are set aside by the calendar: from a start to an end they run only jobs that name the
// reservation, and before the start nothing is put on them that would still be there then. A job
// names a reservation and a claim is made for a job; a reservation is made by a person.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"

namespace mw {

/// A validated request: which nodes, when, for whom.
struct ReservationSpec {
  std::string name;
  Instant start;  ///< 0: at once
  Duration duration;
  std::uint32_t nodes = 0;             ///< how many, chosen for it; 0: those that are listed
  std::vector<std::string> node_list;  ///< by name, when they are not chosen
  std::string accelerator_type;        ///< of nodes that are chosen; empty: any
  std::string site;                    ///< where they are chosen; empty: anywhere
  std::vector<std::string> tenants;    ///< whose jobs may use it, with all below them
  std::vector<std::string> users;      ///< likewise; both lists empty: everybody's
  std::string reason;                  ///< for people
  bool force = false;                  ///< also nodes that are in use or kept for jobs then

  [[nodiscard]] Instant end() const { return start + duration; }
  bool operator==(const ReservationSpec&) const = default;
  MW_FIELDS(name, start, duration, nodes, node_list, accelerator_type, site, tenants, users, reason,
            force)
};

/// A reservation that is made and not over.
struct Reservation {
  ReservationSpec spec;  ///< with its true start
  std::string by;        ///< who made it
  Instant made_at;
  bool begun = false;
  std::vector<NodeId> nodes;  ///< by id
  bool operator==(const Reservation&) const = default;
  MW_FIELDS(spec, by, made_at, begun, nodes)
};

/// Why so many nodes cannot be had: how those that would suit stand at that time.
struct NodesShort {
  std::uint32_t wanted = 0;
  std::uint32_t suitable = 0;    ///< of the type, at the site, or listed
  std::uint32_t available = 0;   ///< of those, the ones that could be had
  std::uint32_t out_of_use = 0;  ///< drained or lost
  std::uint32_t reserved = 0;    ///< by another reservation at that time
  std::uint32_t kept = 0;        ///< for a job that is to start there
  std::uint32_t in_use = 0;      ///< by work that need not have ended by the start
  bool operator==(const NodesShort&) const = default;
  MW_FIELDS(wanted, suitable, available, out_of_use, reserved, kept, in_use)
};

}  // namespace mw
