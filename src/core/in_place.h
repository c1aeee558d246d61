// What tells the end of an attempt some of whose ranks go on in the next from all other ends.
#pragma once

#include <string_view>

namespace mw {

/// The detail of such an AttemptEnded.
inline constexpr std::string_view kGoesOnInNext =
    "its lost ranks are replaced, and the others go on";

}  // namespace mw
