#include "slurm_face/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "codec/suggest.h"
#include "codec/units.h"

namespace mw::face {
namespace {

Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

std::string at(std::string_view where) {
  return where.empty() ? std::string() : fmt::format("{}: ", where);
}

Result<const OptionRow*> find_long(Starter starter, std::string_view name, std::string_view where) {
  std::vector<const OptionRow*> begin_so;
  std::vector<std::string_view> known;
  for (const OptionRow& row : option_rows()) {
    if ((row.commands & starter) == 0) continue;
    if (row.name == name) return &row;
    if (!name.empty() && row.name.starts_with(name)) begin_so.push_back(&row);
    known.push_back(row.name);
  }
  if (begin_so.size() == 1) return begin_so.front();
  if (begin_so.size() > 1) {
    return invalid(fmt::format("{}option --{} is ambiguous: it may be --{} or --{}", at(where),
                               name, begin_so[0]->name, begin_so[1]->name));
  }
  const std::string_view meant = closest(name, known);
  return invalid(fmt::format("{}unknown option --{}{}", at(where), name,
                             meant.empty() ? "" : fmt::format("; did you mean --{}?", meant)));
}

/// Reads one command's arguments from left to right.
class ArgumentReader {
 public:
  ArgumentReader(Starter starter, std::span<const std::string> arguments, std::string_view where)
      : starter_(starter), arguments_(arguments), where_(where) {}

  Result<GivenOptions> read() {
    while (next_ < arguments_.size()) {
      const std::string_view argument = arguments_[next_];
      if (argument == "--") {
        ++next_;
        break;
      }
      if (argument.size() < 2 || argument[0] != '-') break;
      ++next_;
      const auto taken =
          argument[1] == '-' ? take_long(argument.substr(2)) : take_letters(argument);
      if (!taken) return taken.error();
    }
    const auto rest = arguments_.subspan(std::min(next_, arguments_.size()));
    given_.arguments.assign(rest.begin(), rest.end());
    return std::move(given_);
  }

 private:
  Result<void> take_long(std::string_view argument) {
    const std::size_t equals = argument.find('=');
    const std::string_view name = argument.substr(0, equals);
    const auto row = find_long(starter_, name, where_);
    if (!row) return row.error();
    const std::string shown = fmt::format("--{}", (*row)->name);
    if (equals != std::string_view::npos) {
      if ((*row)->takes == Takes::kNothing) {
        return invalid(fmt::format("{}option {} takes no value", at(where_), shown));
      }
      add(**row, argument.substr(equals + 1), shown);
      return {};
    }
    return take_value(**row, shown);
  }

  /// "-n4", "-n 4", and several without values in one: "-lu".
  Result<void> take_letters(std::string_view argument) {
    for (std::size_t i = 1; i < argument.size(); ++i) {
      const auto rows = option_rows();
      const auto row = std::ranges::find_if(rows, [&](const OptionRow& one) {
        return one.letter == argument[i] && (one.commands & starter_) != 0;
      });
      if (row == rows.end()) {
        return invalid(fmt::format("{}unknown option -{}", at(where_), argument[i]));
      }
      const std::string shown = fmt::format("-{}", argument[i]);
      if (row->takes == Takes::kNothing) {
        add(*row, "", shown);
        continue;
      }
      std::string_view rest = argument.substr(i + 1);
      if (rest.empty()) return take_value(*row, shown);
      if (rest.starts_with('='))
        rest.remove_prefix(1);  // "-n=4": Slurm's readers of numbers take it
      add(*row, rest, shown);
      return {};
    }
    return {};
  }

  Result<void> take_value(const OptionRow& row, const std::string& shown) {
    if (row.takes != Takes::kValue) {
      add(row, "", shown);
      return {};
    }
    if (next_ >= arguments_.size()) {
      return invalid(fmt::format("{}option {} needs a value", at(where_), shown));
    }
    add(row, arguments_[next_++], shown);
    return {};
  }

  void add(const OptionRow& row, std::string_view value, const std::string& shown) {
    given_.options.push_back(
        {&row, std::string(value), where_.empty() ? shown : fmt::format("{}: {}", where_, shown)});
  }

  Starter starter_;
  std::span<const std::string> arguments_;
  std::string_view where_;
  std::size_t next_ = 0;
  GivenOptions given_;
};

/// Splits a directive into words. Nothing: a quote is not closed.
std::optional<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '\'' || c == '"') {
      for (++i; i < line.size() && line[i] != c; ++i) {
        if (line[i] == '\\' && i + 1 < line.size()) ++i;
        word += line[i];
      }
      if (i >= line.size()) return std::nullopt;
      in_word = true;
    } else if (c == '\\' && i + 1 < line.size()) {
      word += line[++i];
      in_word = true;
    } else if (c == ' ' || c == '\t' || c == '\r') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else if (c == '#') {
      break;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace

std::string_view name_of(Starter starter) {
  return starter == kSbatch ? "sbatch" : starter == kSrun ? "srun" : "salloc";
}

bool sets_flag(std::string_view value) {
  if (value == "yes") return true;
  const bool is_number = value.find_first_not_of("+-0123456789") == std::string_view::npos;
  return is_number && value.find_first_of("123456789") != std::string_view::npos;
}

std::vector<std::string> variables_for(Starter starter, const OptionRow& row) {
  if (starter == kSrun) {
    // Those of srun are not all made of its option's name.
    if (row.name == "export") return {"SLURM_EXPORT_ENV", "SRUN_EXPORT_ENV"};
    if (row.name == "cpus-per-task") return {"SLURM_CPUS_PER_TASK", "SRUN_CPUS_PER_TASK"};
    if (row.name == "nodes") return {"SLURM_JOB_NUM_NODES", "SLURM_NNODES"};
    if (row.name == "dependency") return {"SLURM_DEPENDENCY"};
    if (row.name == "chdir") return {"SLURM_WORKING_DIR"};
  }
  if (row.variable.empty()) return {};
  const std::string_view prefix = starter == kSbatch ? "SBATCH_"
                                  : starter == kSrun ? "SLURM_"
                                                     : "SALLOC_";
  return {fmt::format("{}{}", prefix, row.variable)};
}

Result<GivenOptions> read_arguments(Starter starter, std::span<const std::string> arguments,
                                    std::string_view where) {
  return ArgumentReader(starter, arguments, where).read();
}

Result<std::vector<GivenOption>> read_directives(std::string_view script) {
  constexpr std::string_view kMark = "#SBATCH";
  std::vector<GivenOption> found;
  std::size_t number = 0;
  while (!script.empty()) {
    const std::size_t end = std::min(script.find('\n'), script.size());
    const std::string_view line = script.substr(0, end);
    script.remove_prefix(std::min(end + 1, script.size()));
    ++number;
    if (!line.starts_with(kMark)) {
      const std::size_t first = line.find_first_not_of(" \t\r");
      if (first == std::string_view::npos || line[first] == '#') continue;
      break;  // the first command: what comes now is the script's own
    }
    const std::string where = fmt::format("line {}", number);
    const auto words = split_words(line.substr(kMark.size()));
    if (!words) return invalid(fmt::format("{}: a quote is not closed", where));
    if (words->size() == 1 && (words->front() == "hetjob" || words->front() == "packjob")) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("{}: jobs of several components (hetjob) are not supported; submit "
                               "one job for each, or describe groups in a job file for mw submit",
                               where)};
    }
    auto given = read_arguments(kSbatch, *words, where);
    if (!given) return given.error();
    if (!given->arguments.empty()) {
      // Slurm takes what is behind the options for the script's arguments, and then leaves it.
      return invalid(fmt::format("{}: expected options only, found {}", where,
                                 in_quotes(given->arguments.front())));
    }
    std::ranges::move(given->options, std::back_inserter(found));
  }
  return found;
}

std::string options_markdown(Starter starter) {
  std::string text = fmt::format("| {} | | |\n|---|---|---|\n", name_of(starter));
  for (const OptionRow& row : option_rows()) {
    if ((row.commands & starter) == 0) continue;
    const std::string letter = row.letter == 0 ? std::string() : fmt::format("`-{}`, ", row.letter);
    const std::string_view value = row.takes == Takes::kValue   ? "="
                                   : row.takes == Takes::kMaybe ? "[=]"
                                                                : "";
    std::string says(row.says);
    for (std::size_t at = says.find('|'); at != std::string::npos; at = says.find('|', at + 2)) {
      says.insert(at, 1, '\\');
    }
    text += fmt::format("| {}`--{}{}` | {} | {} |\n", letter, row.name, value,
                        row.support == Support::kTaken   ? "yes"
                        : row.support == Support::kNoted ? "noted"
                                                         : "refused",
                        says);
  }
  return text;
}

}  // namespace mw::face
