// The programs that a fault policy names, and the rules of checks: a part of fault_policy_file.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <vector>

#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"
#include "model/fault_policy.h"

namespace mw::fault_file {

/// The arguments at `node.command`; problems go to `reader`.
void read_command(YamlReader& reader, const YamlNode& node, const std::string& at,
                  std::vector<std::string>& command);
/// The same of what an engine can do by itself, too: the one word `engine`.
void read_hook_command(YamlReader& reader, const YamlNode& node, const std::string& at,
                       FaultHook& hook);
/// The variables at `node.environment`, sorted by name.
void read_environment(YamlReader& reader, const YamlNode& node, const std::string& at,
                      std::vector<EnvironmentVariable>& environment);
/// The rules at `root.checks`; none: there are none.
std::optional<CheckRules> read_checks(YamlReader& reader, const YamlNode& root);

boost::json::array write_command(const std::vector<std::string>& command);
boost::json::object write_environment(const std::vector<EnvironmentVariable>& environment);
boost::json::object write_checks(const CheckRules& rules);

}  // namespace mw::fault_file
