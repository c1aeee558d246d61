#include "twin/report_html.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <utility>

#include "base/check.h"
#include "codec/json.h"
#include "twin/embedded_web.h"

namespace mw {
namespace {

/// The figures of the page. The quantiles go with them, so that the script has no copy of them.
struct PageData {
  RunReport report;
  std::array<double, kQuantiles.size()> quantiles = kQuantiles;
  MW_FIELDS(report, quantiles)
};

std::string_view web_file(std::string_view name) {
  const EmbeddedFile* const found = find_embedded(kEmbeddedWeb, name);
  MW_CHECK(found != nullptr);
  return found->text;
}

/// Six digits that count: more than a chart of 400 points can show, and a third of the size.
void shorten(std::vector<double>& values) {
  for (double& value : values) {
    if (!std::isfinite(value)) continue;
    char text[32];
    const auto end =
        std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, 5);
    std::from_chars(text, end.ptr, value);
  }
}

using Parts = std::initializer_list<std::pair<std::string_view, std::string_view>>;

/// page.html with each {{name}} replaced by its part. What was put in is not looked at again.
std::string fill(Parts parts) {
  std::string_view rest = web_file("page.html");
  std::string page;
  for (std::size_t at = rest.find("{{"); at != std::string_view::npos; at = rest.find("{{")) {
    page.append(rest.substr(0, at));
    const std::size_t end = rest.find("}}", at);
    MW_CHECK(end != std::string_view::npos);
    const std::string_view name = rest.substr(at + 2, end - at - 2);
    const auto part = std::find_if(parts.begin(), parts.end(),
                                   [&](const auto& one) { return one.first == name; });
    MW_CHECK(part != parts.end());
    page.append(part->second);
    rest.remove_prefix(end + 2);
  }
  page.append(rest);
  return page;
}

std::string page(const std::string& title, std::string_view script, const std::string& json) {
  std::string scripts;
  for (const std::string_view name :
       {std::string_view("format.js"), std::string_view("elements.js"),
        std::string_view("charts.js"), std::string_view("ledger.js"), script}) {
    scripts.append(web_file(name));
  }
  return fill({{"title", html_text(title)},
               {"style", web_file("page.css")},
               {"charts", web_file("chart.min.js")},
               {"script", scripts},
               {"data", json_in_html(json)}});
}

/// Bytes of the UTF-8 character that `text` begins with; 0 when it is none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xF0 && lead <= 0xF4   ? 4
                             : lead >= 0xE0 && lead <= 0xEF ? 3
                             : lead >= 0xC2 && lead <= 0xDF ? 2
                                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and what is past the last character.
  if ((lead == 0xE0 && byte(1) < 0xA0) || (lead == 0xED && byte(1) > 0x9F)) return 0;
  if ((lead == 0xF0 && byte(1) < 0x90) || (lead == 0xF4 && byte(1) > 0x8F)) return 0;
  return length;
}

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Copies `text`, with `escape(character)` in place of those for which it is not empty.
template <class Escape>
std::string escaped(std::string_view text, Escape&& escape) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view instead = length == 1 ? escape(text.front()) : std::string_view();
    if (length == 0)
      out.append(kReplacement);
    else
      out.append(instead.empty() ? text.substr(0, length) : instead);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace

std::string json_in_html(std::string_view json) {
  return escaped(json, [](char c) { return c == '<' ? std::string_view("\\u003c") : ""; });
}

std::string html_text(std::string_view text) {
  return escaped(text, [](char c) -> std::string_view {
    switch (c) {
      case '&':
        return "&amp;";
      case '<':
        return "&lt;";
      case '>':
        return "&gt;";
      case '"':
        return "&quot;";
      case '\'':
        return "&#39;";
      default:
        return "";
    }
  });
}

std::string report_html(const RunReport& report) {
  PageData data{.report = report};
  for (SiteFigures& site : data.report.sites) shorten(site.power_mw);
  for (Series& series : data.report.ledger_series) shorten(series.values);
  for (Series& series : data.report.queue_series) shorten(series.values);
  shorten(data.report.fragmentation.values);
  shorten(data.report.time_h);
  std::string json;
  append_json(json, data);
  return page(report.setup.fleet + ", " + report.setup.workload + ": Millwright simulation",
              "report.js", json);
}

std::string compare_html(const Comparison& comparison) {
  std::string json;
  append_json(json, comparison);
  std::string title;
  for (const ComparedRuns& group : comparison.groups)
    title += (title.empty() ? "" : " / ") + group.name;
  return page(title + ": Millwright simulations compared", "compare.js", json);
}

}  // namespace mw
