// Values that lie all over the memory: what is read next can be on its way meanwhile.
#pragma once

#include <cstddef>

namespace mw {

/// The value will be read soon: memory begins to fetch it.
template <class T>
void read_ahead(const T& value) {
  constexpr std::size_t kCacheLine = 64;  // what memory gives at once, in bytes
  const char* const begin = reinterpret_cast<const char*>(&value);
  for (std::size_t at = 0; at < sizeof(T); at += kCacheLine) __builtin_prefetch(begin + at);
}

}  // namespace mw
