#include "codec/hostlist.h"

#include <charconv>
#include <map>

#include "codec/units.h"

namespace mw::slurm {
namespace {

Error unreadable(std::string_view text) {
  return {ErrorCode::kInvalid, "not a list of hosts as Slurm writes them: " + in_quotes(text)};
}

/// Cuts `text` at the commas that are in no brackets.
std::vector<std::string_view> split(std::string_view text, char open, char close) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == open) ++depth;
    if (i < text.size() && text[i] == close) --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    if (i > begin) parts.push_back(text.substr(begin, i - begin));
    begin = i + 1;
  }
  return parts;
}

bool read_number(std::string_view text, std::uint64_t& number) {
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  return !text.empty() && fault == std::errc() && end == text.data() + text.size();
}

/// What stands between a pair of brackets: "1-3,07" is 1, 2, 3, 07.
bool expand_ranges(std::string_view ranges, std::vector<std::string>& numbers) {
  for (const std::string_view range : split(ranges, '[', ']')) {
    const std::size_t dash = range.find('-');
    const std::string_view low = range.substr(0, dash);
    const std::string_view high = dash == std::string_view::npos ? low : range.substr(dash + 1);
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    if (!read_number(low, first) || !read_number(high, last)) return false;
    if (last < first || last - first >= kHostsMax - numbers.size()) return false;
    for (std::uint64_t i = first; i <= last; ++i) {
      std::string digits = std::to_string(i);
      // Numbers are as wide as the first of their range.
      if (digits.size() < low.size()) digits.insert(0, low.size() - digits.size(), '0');
      numbers.push_back(std::move(digits));
    }
  }
  return !numbers.empty();
}

bool expand_one(std::string_view word, std::vector<std::string>& names) {
  std::vector<std::string> grown = {""};
  while (!word.empty()) {
    const std::size_t open = word.find('[');
    const std::string_view plain = word.substr(0, open);
    if (plain.find(']') != std::string_view::npos) return false;
    for (std::string& name : grown) name += plain;
    if (open == std::string_view::npos) break;
    const std::size_t close = word.find(']', open);
    if (close == std::string_view::npos) return false;
    std::vector<std::string> numbers;
    if (!expand_ranges(word.substr(open + 1, close - open - 1), numbers)) return false;
    if (grown.size() * numbers.size() > kHostsMax) return false;
    std::vector<std::string> next;
    next.reserve(grown.size() * numbers.size());
    for (const std::string& name : grown) {
      for (const std::string& number : numbers) next.push_back(name + number);
    }
    grown = std::move(next);
    word.remove_prefix(close + 1);
  }
  names.insert(names.end(), std::make_move_iterator(grown.begin()),
               std::make_move_iterator(grown.end()));
  return names.size() <= kHostsMax;
}

}  // namespace

Result<std::vector<std::string>> expand_hostlist(std::string_view text) {
  std::vector<std::string> names;
  for (const std::string_view word : split(text, '[', ']')) {
    if (!expand_one(word, names)) return unreadable(text);
  }
  return names;
}

namespace {

/// A name cut at its last number: "r1n007.x" is "r1n", "007", ".x".
struct NumberedName {
  std::string_view front;
  std::string_view digits;  ///< empty: there is no number
  std::string_view back;
  std::uint64_t number = 0;
};

NumberedName cut_at_number(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789";
  NumberedName cut{.front = name, .digits = {}, .back = {}};
  const std::size_t last = name.find_last_of(kDigits);
  if (last == std::string_view::npos) return cut;
  const std::size_t before = name.find_last_not_of(kDigits, last);
  const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
  const std::string_view digits = name.substr(begin, last + 1 - begin);
  if (!read_number(digits, cut.number)) return cut;  // longer than any number
  cut.front = name.substr(0, begin);
  cut.digits = digits;
  cut.back = name.substr(last + 1);
  return cut;
}

}  // namespace

std::string compress_hostlist(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size();) {
    const NumberedName first = cut_at_number(names[i]);
    std::string ranges;
    std::size_t next = i;
    std::size_t count = 0;
    while (next < names.size()) {
      const NumberedName low = cut_at_number(names[next]);
      if (low.digits.empty() || low.front != first.front || low.back != first.back) break;
      NumberedName high = low;
      std::size_t end = next + 1;
      for (; end < names.size(); ++end) {
        const NumberedName one = cut_at_number(names[end]);
        const bool follows = !one.digits.empty() && one.front == first.front &&
                             one.back == first.back && one.number == high.number + 1 &&
                             (one.digits.size() == low.digits.size() ||
                              (low.digits.front() != '0' && one.digits.front() != '0'));
        if (!follows) break;
        high = one;
      }
      ranges += (ranges.empty() ? "" : ",") + std::string(low.digits);
      if (end - next > 1) ranges += "-" + std::string(high.digits);
      count += end - next;
      next = end;
    }
    if (!text.empty()) text += ',';
    if (count < 2) {
      text += names[i];
      ++i;
      continue;
    }
    text.append(first.front).append("[").append(ranges).append("]").append(first.back);
    i = next;
  }
  return text;
}

std::vector<GpuCount> gpus_by_type(std::string_view gres) {
  std::map<std::string, std::uint32_t> by_type;
  for (std::string_view entry : split(gres, '(', ')')) {
    entry = entry.substr(0, entry.find('('));  // which sockets, which indexes
    if (entry.starts_with("gres:") || entry.starts_with("gres/")) entry.remove_prefix(5);
    if (entry == "gpu") ++by_type["gpu"];  // one, where no number is said
    if (!entry.starts_with("gpu:")) continue;
    entry.remove_prefix(4);
    const std::size_t colon = entry.rfind(':');
    const bool named = colon != std::string_view::npos;
    std::uint64_t count = 0;
    if (!read_number(named ? entry.substr(colon + 1) : entry, count)) continue;
    by_type[named ? std::string(entry.substr(0, colon)) : "gpu"] +=
        static_cast<std::uint32_t>(count);
  }
  std::vector<GpuCount> all;
  for (const auto& [type, count] : by_type) all.push_back({type, count});
  return all;
}

GpuCount gpus_in(std::string_view gres) {
  GpuCount most;
  for (const GpuCount& each : gpus_by_type(gres)) {
    if (most.type.empty() || each.count > most.count) most = each;
  }
  return most;
}

}  // namespace mw::slurm
