// Reading the API's answers with tolerance: a client must not fall over a field that is missing or
// new. What is absent, null or of another kind reads as the default.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"

namespace mw {

/// Looks at a value that somebody else keeps.
class JsonView {
 public:
  JsonView() = default;
  explicit JsonView(const boost::json::value& value) : value_(&value) {}

  [[nodiscard]] JsonView operator[](std::string_view key) const;
  /// False for what is absent or null.
  [[nodiscard]] bool present() const { return value_ != nullptr && !value_->is_null(); }
  [[nodiscard]] std::string text(std::string_view otherwise = {}) const;
  [[nodiscard]] std::int64_t integer(std::int64_t otherwise = 0) const;
  [[nodiscard]] double real(double otherwise = 0) const;
  [[nodiscard]] bool flag(bool otherwise = false) const;
  /// A moment, from a field that ends in _ns.
  [[nodiscard]] std::optional<Instant> instant() const;
  /// The elements; empty for what is no array.
  [[nodiscard]] const boost::json::array& list() const;
  [[nodiscard]] const boost::json::value* raw() const { return value_; }

 private:
  const boost::json::value* value_ = nullptr;
};

/// JSON text laid out for reading, two spaces a level. The values' text is not touched: what the
/// server wrote is what a program gets, to the last digit.  REQUIRES: `text` is JSON.
std::string pretty_json(std::string_view text);

}  // namespace mw
