#include "engines/slurm/topology_conf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <set>

#include "codec/hostlist.h"
#include "codec/units.h"

namespace mw::slurm {
namespace {

struct Switch {
  std::vector<std::string> nodes;
  std::vector<std::string> switches;
  bool block = false;
};

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return std::tolower(c); });
  return result;
}

/// The words "Key=value" of a line, keys in small letters.
std::map<std::string, std::string> words_of(std::string_view line) {
  std::map<std::string, std::string> words;
  while (true) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r"));
    const std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) {
      words[lower(word.substr(0, equals))] = word.substr(equals + 1);
    }
    line.remove_prefix(word.size());
  }
}

class Tree {
 public:
  Result<void> add(std::string_view line) {
    const auto words = words_of(line);
    const auto named =
        words.contains("switchname") ? words.find("switchname") : words.find("blockname");
    if (named == words.end()) return {};  // of a kind that says nothing of where nodes stand
    Switch made;
    made.block = named->first == "blockname";
    for (const auto& [key, into] :
         {std::pair("nodes", &made.nodes), std::pair("switches", &made.switches)}) {
      const auto given = words.find(key);
      if (given == words.end()) continue;
      auto names = expand_hostlist(given->second);
      if (!names) return names.error();
      *into = std::move(*names);
    }
    // What scontrol prints names the nodes of all that is below as well.
    if (!made.switches.empty()) made.nodes.clear();
    for (const std::string& below : made.switches) above_[below] = named->second;
    order_.push_back(named->second);
    switches_[named->second] = std::move(made);
    return {};
  }

  ClusterTopology stands() {
    ClusterTopology topology;
    for (const std::string& name : order_) {
      if (!above_.contains(name)) walk(name, {}, topology);
    }
    return topology;
  }

 private:
  /// 0 for a leaf; how many levels are below it.
  int height(const std::string& name, int depth = 0) const {
    const auto found = switches_.find(name);
    if (found == switches_.end() || depth > kDepthMax) return 0;
    int most = -1;
    for (const std::string& below : found->second.switches) {
      most = std::max(most, height(below, depth + 1));
    }
    return most + 1;
  }

  void walk(const std::string& name, std::vector<FabricStand> path, ClusterTopology& topology) {
    const auto found = switches_.find(name);
    if (found == switches_.end() || !walked_.insert(name).second) return;
    constexpr FabricLevel kLevels[] = {FabricLevel::kLeaf, FabricLevel::kPod, FabricLevel::kSpine};
    const int levels = height(name);
    if (found->second.block) {
      path.push_back({FabricLevel::kScaleUp, name});
    } else if (levels < 3) {
      path.push_back({kLevels[levels], name});
    }
    for (const std::string& node : found->second.nodes) {
      if (topology.stands.emplace(node, path).second) topology.order.push_back(node);
    }
    for (const std::string& below : found->second.switches) walk(below, path, topology);
  }

  static constexpr int kDepthMax = 32;  ///< a file may name a switch as its own ancestor
  std::map<std::string, Switch> switches_;
  std::map<std::string, std::string> above_;
  std::vector<std::string> order_;
  std::set<std::string> walked_;
};

}  // namespace

Result<ClusterTopology> parse_topology_conf(std::string_view text, const std::string& file) {
  Tree tree;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    line = line.substr(0, line.find('#'));
    if (const auto added = tree.add(line); !added) {
      return Error{ErrorCode::kInvalid,
                   file + ", line " + std::to_string(number) + ": " + added.error().message};
    }
  }
  return tree.stands();
}

Result<ClusterTopology> read_topology_conf(const std::filesystem::path& path) {
  if (path.empty()) return ClusterTopology();
  std::ifstream file(path);
  if (!file) {
    return Error{ErrorCode::kUnavailable, fmt::format("--slurm-topology: cannot read {}: {}",
                                                      path.string(), std::strerror(errno))};
  }
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return parse_topology_conf(text, path.string());
}

}  // namespace mw::slurm
