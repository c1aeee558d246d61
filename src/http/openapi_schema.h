// How the schemas of the OpenAPI document are written down. A part of openapi.h.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace mw::http {

/// A field of a schema. `type` is written briefly: "integer", "string?" (or null), "[string]" (a
/// list of), "Usage" (a schema of ours), "string~" (may be left out).
struct Field {
  std::string_view name;
  std::string_view type;
  std::string_view description;
};
enum class Others : std::uint8_t { kNone, kMore };  ///< fields besides those listed
struct Schema {
  std::string_view name;
  std::string_view description;
  std::vector<Field> fields;
  Others others = Others::kNone;
};

/// Of questions about the future.
const std::vector<Schema>& forecast_schemas();
/// Of faults.
const std::vector<Schema>& fault_schemas();
/// Of goodput, incidents and how often jobs should save.
const std::vector<Schema>& goodput_schemas();
/// Of checks of nodes.
const std::vector<Schema>& check_schemas();
/// Of the server itself.
const std::vector<Schema>& server_schemas();

}  // namespace mw::http
