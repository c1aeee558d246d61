#include "codec/catalogue_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <optional>

#include "codec/embedded_files.h"
#include "codec/job_file_values.h"
#include "codec/suggest.h"
#include "codec/units.h"
#include "codec/yaml_reader.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 2> kKeys = {"sources", "accelerators"};
constexpr std::array<std::string_view, 10> kTypeKeys = {
    "vendor", "aliases",    "memory",        "memory_bandwidth",   "bf16",
    "power",  "idle_power", "scale_up_size", "scale_up_bandwidth", "export_class"};
constexpr std::array<std::string_view, 3> kFigureKeys = {"value", "source", "announced"};
constexpr std::array<std::string_view, 2> kClassKeys = {"value", "source"};
constexpr std::size_t kSourceLengthMax = 500;
constexpr std::size_t kAliasesMax = 100;

/// Text on one line.
Result<std::string> parse_line(std::string_view text, std::size_t length_max) {
  if (!text.empty() && text.size() <= length_max && !has_control_character(text))
    return std::string(text);
  return Error{ErrorCode::kInvalid, fmt::format("expected one line of 1 to {} bytes", length_max)};
}

/// Any word in small letters: whoever builds one is a vendor.
Result<std::string> parse_vendor(std::string_view text) {
  const bool word = parse_name(text).ok() &&
                    std::ranges::none_of(text, [](char c) { return c >= 'A' && c <= 'Z'; });
  if (word) return std::string(text);
  return Error{ErrorCode::kInvalid,
               "expected a vendor in small letters, such as nvidia, amd or intel"};
}

class CatalogueFileReader : private YamlReader {
 public:
  CatalogueFileReader(std::string_view source_name, const Catalogue& base)
      : YamlReader(source_name), catalogue_(base) {}

  Result<Catalogue> read(const YamlNode& root) {
    if (!is_map(root, "", "\"accelerators: {my-chip: {vendor: me}}\"")) return failure();
    check_keys(root, "", kKeys);
    read_sources(root);
    const YamlNode* types = group(root, "accelerators", "\"my-chip: {vendor: me}\"");
    if (types == nullptr && root.find("accelerators") == nullptr) {
      problem(root.position, "accelerators",
              "is missing; give at least one type, such as \"my-chip: {vendor: me}\"");
    }
    for (std::size_t i = 0; types != nullptr && i < types->keys.size(); ++i) {
      read_type(types->keys[i], types->key_positions[i], types->children[i]);
    }
    if (!good()) return failure();
    check_names(*types);
    if (!good()) return failure();
    return std::move(catalogue_);
  }

 private:
  void read_sources(const YamlNode& root) {
    const YamlNode* sources = group(root, "sources", "\"datasheet: TITLE, ADDRESS\"");
    if (sources == nullptr) return;
    for (const std::string& key : sources->keys) {
      read_scalar(*sources, "sources", key, sources_[key],
                  [](std::string_view text) { return parse_line(text, kSourceLengthMax); });
    }
  }

  void read_type(const std::string& name, TextPosition at, const YamlNode& node) {
    const std::string path = YamlReader::path("accelerators", name);
    const auto checked = parse_name(name);
    if (!checked) {
      problem(at, "accelerators",
              fmt::format("{}, found {}", checked.error().message, in_quotes(name)));
      return;
    }
    if (!is_map(node, path, "\"vendor: nvidia\"")) return;
    check_keys(node, path, kTypeKeys);
    AcceleratorType type;
    type.name = name;
    if (!read_scalar(node, path, "vendor", type.vendor, parse_vendor)) {
      problem(at, path, "vendor is missing; \"none\" stands for no vendor");
    }
    read_aliases(node, path, type);
    const auto bytes = [](std::string_view text) {
      return parse_bytes(text, Bytes(1), kAcceleratorMemoryMax);
    };
    const auto bandwidth = [](std::string_view text) {
      return parse_bandwidth(text, Bytes(1), kAcceleratorMemoryMax);
    };
    const auto watts = [](std::string_view text) {
      return parse_watts(text, Watts(1), kAcceleratorPowerMax);
    };
    read_figure(node, path, "memory", type.memory, bytes);
    read_figure(node, path, "memory_bandwidth", type.memory_bandwidth, bandwidth);
    read_figure(node, path, "bf16", type.bf16, [](std::string_view text) {
      return parse_gigaflops(text, 1, kAcceleratorRateMax);
    });
    read_figure(node, path, "power", type.power, watts);
    read_figure(node, path, "idle_power", type.idle_power, watts);
    read_figure(node, path, "scale_up_size", type.scale_up_size,
                [](std::string_view text) { return parse_whole(text, 1, kScaleUpSizeMax); });
    read_figure(node, path, "scale_up_bandwidth", type.scale_up_bandwidth, bandwidth);
    read_export_class(node, path, type);
    keep(std::move(type));
  }

  void read_aliases(const YamlNode& node, const std::string& path, AcceleratorType& type) {
    const auto aliases = list(node, path, "aliases", "[H100, \"NVIDIA H100 80GB HBM3\"]");
    if (aliases.size() > kAliasesMax) {
      problem(*node.find("aliases"), YamlReader::path(path, "aliases"),
              fmt::format("expected at most {}, found {}", kAliasesMax, aliases.size()));
      return;
    }
    for (const YamlNode& alias : aliases) {
      const auto text = alias.kind == YamlNode::Kind::kScalar && !alias.text.empty()
                            ? parse_accelerator_type(alias.text)
                            : parse_accelerator_type("\n");
      if (text) {
        type.aliases.push_back(*text);
      } else {
        problem(alias, YamlReader::path(path, "aliases"),
                fmt::format("{}, found {}", text.error().message, describe(alias)));
      }
    }
  }

  /// The source as it stands, or what the label in it stands for; none after a problem.
  std::optional<std::string> read_source(const YamlNode& node, const std::string& path) {
    std::string text;
    if (!read_scalar(node, path, "source", text, [](std::string_view source) {
          return parse_line(source, kSourceLengthMax);
        })) {
      problem(node, path,
              "source is missing; a figure stands with the document that states it, or not at all");
      return std::nullopt;
    }
    const auto label = sources_.find(text);
    if (label != sources_.end()) return label->second;
    // One word is a label that was misspelt, not the title of a document.
    if (!text.empty() && text.find_first_of(" /.") == std::string::npos) {
      std::vector<std::string_view> labels;
      for (const auto& [key, source] : sources_) labels.push_back(key);
      const std::string_view meant = closest(text, labels);
      problem(*node.find("source"), YamlReader::path(path, "source"),
              fmt::format("expected a document's title or address, or a key of sources, found {}{}",
                          in_quotes(text),
                          meant.empty() ? "" : fmt::format("; did you mean \"{}\"?", meant)));
      return std::nullopt;
    }
    return text;
  }

  template <class Parse>
  void read_figure(const YamlNode& type, const std::string& group, std::string_view key,
                   std::optional<Sourced>& field, Parse parse) {
    const YamlNode* node = type.find(key);
    if (node == nullptr) return;
    const std::string path = YamlReader::path(group, key);
    if (!is_map(*node, path, "\"{value: ..., source: ...}\"")) return;
    check_keys(*node, path, kFigureKeys);
    Sourced figure;
    if (!read_scalar(*node, path, "value", figure.value,
                     [&](std::string_view text) -> Result<std::int64_t> {
                       auto value = parse(text);
                       if (!value) return value.error();
                       return count_of(*value);
                     })) {
      problem(*node, path, "value is missing; what is unknown is left out as a whole");
    }
    read_scalar(*node, path, "announced", figure.announced, parse_bool);
    if (auto source = read_source(*node, path)) figure.source = std::move(*source);
    field = std::move(figure);
  }
  static std::int64_t count_of(std::int64_t value) { return value; }
  template <class Tag>
  static std::int64_t count_of(Quantity<Tag> value) {
    return value.count();
  }

  void read_export_class(const YamlNode& node, const std::string& group, AcceleratorType& type) {
    const YamlNode* stated = node.find("export_class");
    if (stated == nullptr) return;
    const std::string path = YamlReader::path(group, "export_class");
    if (!is_map(*stated, path, "\"{value: 3A090.a, source: ...}\"")) return;
    check_keys(*stated, path, kClassKeys);
    if (!read_scalar(*stated, path, "value", type.export_class, parse_name))
      problem(*stated, path, "value is missing; what is unknown is left out as a whole");
    if (auto source = read_source(*stated, path)) type.export_source = std::move(*source);
  }

  void keep(AcceleratorType type) {
    const auto old = std::ranges::find(catalogue_.types, type.name, &AcceleratorType::name);
    if (old != catalogue_.types.end()) {
      *old = std::move(type);
    } else {
      catalogue_.types.push_back(std::move(type));
    }
  }

  /// No two types may answer to one name.
  void check_names(const YamlNode& types) {
    if (catalogue_.types.size() > kCatalogueTypesMax) {
      problem(types, "accelerators",
              fmt::format("expected at most {} types, found {}", kCatalogueTypesMax,
                          catalogue_.types.size()));
      return;
    }
    std::map<std::string, const AcceleratorType*> owners;
    for (const AcceleratorType& type : catalogue_.types) {
      claim(type.name, type, types, owners);
      for (const std::string& alias : type.aliases) claim(alias, type, types, owners);
    }
  }
  void claim(std::string name, const AcceleratorType& type, const YamlNode& types,
             std::map<std::string, const AcceleratorType*>& owners) {
    const std::string as_written = name;
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    }
    const auto [owner, is_new] = owners.emplace(std::move(name), &type);
    if (is_new) return;
    // Told at whichever of the two this file has.
    const auto position = [&](const AcceleratorType& one) {
      const auto key = std::ranges::find(types.keys, one.name);
      return key == types.keys.end()
                 ? types.position
                 : types.key_positions[static_cast<std::size_t>(key - types.keys.begin())];
    };
    const bool here = types.find(type.name) != nullptr;
    problem(position(here ? type : *owner->second), "accelerators",
            fmt::format("{} would be both {} and {}; names and aliases must differ, also in more "
                        "than capital letters",
                        in_quotes(as_written), owner->second->name, type.name));
  }

  Catalogue catalogue_;
  std::map<std::string, std::string> sources_;
};

}  // namespace

Result<Catalogue> parse_catalogue_file(std::string_view text, std::string_view source_name,
                                       const Catalogue& base) {
  const auto root = parse_yaml(text, source_name, {.bytes_max = kCatalogueFileBytesMax});
  if (!root) return root.error();
  return CatalogueFileReader(source_name, base).read(*root);
}

const Catalogue& built_in_catalogue() {
  static const Catalogue catalogue = [] {
    auto read = parse_catalogue_file(kEmbeddedAccelerators, "accelerators.yaml", {});
    MW_CHECK(read.ok());  // a test reads it first
    return std::move(read).value();
  }();
  return catalogue;
}

std::string_view closest_type(const Catalogue& catalogue, std::string_view name) {
  std::vector<std::string_view> names;
  for (const AcceleratorType& type : catalogue.types) {
    names.push_back(type.name);
    names.insert(names.end(), type.aliases.begin(), type.aliases.end());
  }
  return closest(name, names);
}

std::string write_catalogue_file(const Catalogue& catalogue) {
  boost::json::object types;
  for (const AcceleratorType& type : catalogue.types) {
    boost::json::object object{{"vendor", type.vendor}};
    if (!type.aliases.empty())
      object["aliases"] = boost::json::array(type.aliases.begin(), type.aliases.end());
    const auto figure = [&](std::string_view key, const std::optional<Sourced>& stated,
                            const auto& write) {
      if (!stated) return;
      boost::json::object one{{"value", write(stated->value)}, {"source", stated->source}};
      if (stated->announced) one["announced"] = true;
      object[key] = std::move(one);
    };
    const auto bytes = [](std::int64_t value) { return write_bytes(Bytes(value)); };
    const auto bandwidth = [](std::int64_t value) { return fmt::format("{}B/s", value); };
    const auto watts = [](std::int64_t value) { return write_watts(Watts(value)); };
    figure("memory", type.memory, bytes);
    figure("memory_bandwidth", type.memory_bandwidth, bandwidth);
    figure("bf16", type.bf16, write_gigaflops);
    figure("power", type.power, watts);
    figure("idle_power", type.idle_power, watts);
    figure("scale_up_size", type.scale_up_size,
           [](std::int64_t value) { return std::to_string(value); });
    figure("scale_up_bandwidth", type.scale_up_bandwidth, bandwidth);
    if (!type.export_class.empty())
      object["export_class"] = {{"value", type.export_class}, {"source", type.export_source}};
    types[type.name] = std::move(object);
  }
  return boost::json::serialize(boost::json::object{{"accelerators", std::move(types)}});
}

}  // namespace mw
