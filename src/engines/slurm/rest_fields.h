// Fields of what slurmrestd says, in whichever of the forms that its versions have: a number may be
// an object {set, infinite, number}, a list of words one word. Whatever is not there, null, or of
// another type reads as nothing.
#pragma once

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mw::slurm {

/// None also for null.
const boost::json::value* find(const boost::json::object& object, std::string_view key);
std::string text_of(const boost::json::object& object, std::string_view key);
bool flag_of(const boost::json::object& object, std::string_view key);

/// None when it is not set, or without limit.
std::optional<std::int64_t> number_in(const boost::json::value& value);
std::optional<std::int64_t> number_of(const boost::json::object& object, std::string_view key);
/// Nothing, too, for the "no value" of unsigned numbers that v0.0.38 writes out at some places.
std::optional<std::int64_t> amount_of(const boost::json::object& object, std::string_view key);
/// Within 32 bits; 0 for nothing.
std::uint32_t small_number(const boost::json::object& object, std::string_view key);

/// One word or a list of words, in capitals, added to `words`.
void add_words(const boost::json::object& object, std::string_view key,
               std::vector<std::string>& words);
/// A list of names, or names with commas in between, as they are.
std::vector<std::string> names_in(const boost::json::object& object, std::string_view key);

}  // namespace mw::slurm
