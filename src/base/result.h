// Expected failures are values: Result<T> is a T or an Error with a code from one closed list.
// The list maps to HTTP statuses and exit codes in one table below, so that a program sees the
// same failure by whichever face it asks.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/fields.h"

namespace mw {

enum class ErrorCode : std::uint8_t {
  kInvalid,          ///< what was asked makes no sense, whatever the state
  kNotFound,         ///< the thing named does not exist
  kConflict,         ///< it exists, but its state does not allow this
  kUnauthenticated,  ///< no valid token
  kForbidden,        ///< a valid token that may not do this
  kTooLarge,         ///< over a stated limit
  kUnavailable,      ///< cannot be done now; trying again may help
  kUnsupported,      ///< known, and not offered here
  kTimeout,          ///< no answer in the time allowed; the outcome is unknown
  kInternal,         ///< a defect or a broken machine
};

template <>
struct EnumNames<ErrorCode> {
  static constexpr std::array<std::string_view, 10> value = {
      "invalid",   "not_found",   "conflict",    "unauthenticated", "forbidden",
      "too_large", "unavailable", "unsupported", "timeout",         "internal"};
};

struct ErrorCodeRow {
  int http_status;
  int exit_code;  ///< of the CLI; 0 is success and 1 "the job did not succeed"
};

/// The one table from code to HTTP status and exit code, in the order of ErrorCode.
inline constexpr std::array<ErrorCodeRow, 10> kErrorCodes = {{
    {400, 2},
    {404, 3},
    {409, 4},
    {401, 5},
    {403, 5},
    {413, 6},
    {503, 7},
    {501, 8},
    {504, 9},
    {500, 10},
}};

constexpr const ErrorCodeRow& row(ErrorCode code) {
  return kErrorCodes[static_cast<std::size_t>(code)];
}

/// What went wrong, in whole sentences for a person: what, where, and what to do about it.
struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;
  bool operator==(const Error&) const = default;
};

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit by design: `return value;` and `return error;`.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : value_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : value_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return value_.index() == 0; }
  explicit operator bool() const { return ok(); }
  /// REQUIRES: ok().
  T& value() & {
    MW_CHECK(ok());
    return *std::get_if<0>(&value_);
  }
  const T& value() const& {
    MW_CHECK(ok());
    return *std::get_if<0>(&value_);
  }
  T&& value() && {
    MW_CHECK(ok());
    return std::move(*std::get_if<0>(&value_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  /// REQUIRES: !ok().
  [[nodiscard]] const Error& error() const {
    MW_CHECK(!ok());
    return *std::get_if<1>(&value_);
  }

 private:
  std::variant<T, Error> value_;
};

/// A Result without a value: success, or why not.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}  // NOLINT: implicit by design
  [[nodiscard]] bool ok() const { return ok_; }
  explicit operator bool() const { return ok_; }
  [[nodiscard]] const Error& error() const {
    MW_CHECK(!ok_);
    return error_;
  }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace mw
