// A request for nodes by the calendar, as programs and the command line send it (JSON); the only
// place where it is validated.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "model/reservation.h"

namespace mw {

/// Errors: kInvalid, naming the field, what was found and what is allowed.
Result<ReservationSpec> parse_reservation_request(std::string_view json);

// Bounds of what a request may say.
inline constexpr std::int64_t kReservedNodesMax = 10'000'000;  ///< as of a fleet
inline constexpr std::size_t kReservationListMax = 10'000;     ///< nodes, tenants, users by name
inline constexpr Duration kReservationDurationMax = hours(24 * 3650);
inline constexpr std::size_t kReservationReasonMax = 500;

}  // namespace mw
