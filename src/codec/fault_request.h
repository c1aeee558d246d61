// What is told of faults over HTTP: our own words (docs/faults.md), and Alertmanager's webhook.
// Both become inputs here, and are judged here, once.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/input.h"

namespace mw {

/// One fault as an object, or {"faults": [...]}, each raised or ("cleared": true) over. `user`: who
/// asks, and the source of what names none. Each is a FaultReported or a FaultCleared.
/// Errors: kInvalid, naming the field, what was found and what is allowed.
Result<std::vector<InputBody>> parse_fault_request(std::string_view json, const std::string& user);

/// Alertmanager's webhook, version 4. The labels mw_code, mw_scope, mw_place say what it is about;
/// else the code is "alert." and the alert's name, and the node that of the label node, Hostname or
/// instance. Errors: as above; of one alert that cannot be read, for all.
Result<std::vector<InputBody>> parse_alertmanager(std::string_view json);

inline constexpr std::size_t kFaultsInRequestMax = 1'000;
inline constexpr std::size_t kFaultTextBytesMax = 500;

}  // namespace mw
