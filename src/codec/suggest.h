// "Did you mean": the nearest of a few allowed words.
#pragma once

#include <span>
#include <string_view>

namespace mw {

/// The allowed word nearest to `word`, when it is near enough to be what was meant (a third of its
/// letters wrong, missing, added or swapped, or it is the beginning of only one); otherwise empty.
/// Cost: O(words x length^2).
std::string_view closest(std::string_view word, std::span<const std::string_view> allowed);

}  // namespace mw
