// Events and inputs as journal rows: one line of JSON each, readable with any SQL client.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/event.h"
#include "model/input.h"

namespace mw {

/// No row is larger; a placement on a million nodes is not either.
inline constexpr std::size_t kRowBytesMax = 256U << 20U;

/// The whole event on one line: {"at_ns":..,"request":..,"body":{"kind":..,...}}.
std::string event_row(const Event& event);
/// Appends the same to `out`.
void append_event_row(std::string& out, const Event& event);
/// Errors: kInvalid, naming what is wrong and where; kTooLarge.
Result<Event> parse_event_row(std::string_view row);

/// The whole input on one line: {"request":..,"body":{"kind":..,...}}.
std::string input_row(const Input& input);
/// Appends the same to `out`.
void append_input_row(std::string& out, const Input& input);
/// Errors: kInvalid, naming what is wrong and where; kTooLarge.
Result<Input> parse_input_row(std::string_view row);

/// {"kind":..., then the fields}, for programs that watch; absent values are null.
boost::json::value event_body_json(const EventBody& body);

/// The name of what it holds, e.g. "job_submitted".
std::string_view kind_of(const EventBody& body);
std::string_view kind_of(const InputBody& body);

}  // namespace mw
