// JSON for everything that lists its fields with MW_FIELDS: one definition of how a struct looks
// outside, used for journal rows, snapshots and the HTTP interface alike.
//
//   key       the field's name, without a trailing underscore, and the unit of its type:
//             Duration, Instant _ns · Bytes _bytes · Watts _mw · shares _milli ·
//             AcceleratorTime _milli_ns (128 bits, so a decimal string)
//   ids       numbers         enums  their names         vector<bool>  "0110"
//   variant   {"kind": "...", then the fields of the alternative}
//   map       an object when the key is a string, otherwise [[key, value], ...]
//   optional  absent: null from to_json, left out by append_json. Reading takes both.
//   double    finite only: others are written as null and refused when read
//
// Reading is strict: unknown keys, missing ones, numbers out of range and wrong kinds are refused
// with the place of the fault, e.g. "events[3].placement[0].node: expected an integer from 0 to
// 4294967295, found a string".
//
// The templates here are heavy: include this in a .cpp, and offer plain functions to others, as
// event_json.h does.
#pragma once

#include <boost/json/storage_ptr.hpp>
#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "codec/json_read.h"
#include "codec/json_write.h"

namespace mw {

/// `value` as a JSON tree, allocated from `storage`.
template <class T>
boost::json::value to_json(const T& value, boost::json::storage_ptr storage = {}) {
  json_detail::ValueSink sink(std::move(storage));
  json_detail::write(sink, value);
  return sink.release();
}

/// Appends `value` as JSON text to `out`. The quick way: no tree is made.
template <class T>
void append_json(std::string& out, const T& value) {
  json_detail::TextSink sink(out);
  json_detail::write(sink, value);
}

/// Reads a T.  `place`: what the value is called in messages, e.g. "body"; may be empty.
/// Errors: kInvalid, naming the path of the first fault, what is allowed and what was found.
template <class T>
Result<T> from_json(const boost::json::value& value, std::string_view place = {}) {
  json_detail::Reader reader;
  const json_detail::Place root{nullptr, place, 0};
  T result{};
  if (!reader.read(value, root, result)) return reader.take_error();
  return result;
}

struct JsonParseOptions {
  std::size_t bytes_max = 1U << 20U;
  /// Takes strings that are not UTF-8 as they are. For our own rows, which keep what they were
  /// given; what comes from outside must be UTF-8.
  bool any_bytes = false;
  boost::json::storage_ptr storage = {};
};

/// Parses text. Unlike boost::json::parse (1.81), numbers with a fraction are rounded correctly,
/// so that a double survives being written and read.
/// Errors: kTooLarge past bytes_max; kInvalid naming the byte at which it stops being JSON, also
/// when it is nested deeper than 32 levels.
Result<boost::json::value> parse_json(std::string_view text, const JsonParseOptions& options = {});

}  // namespace mw
