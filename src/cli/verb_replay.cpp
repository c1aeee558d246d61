// mw replay: a part of the journal once more through the twin, under another policy.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/forecast_view.h"
#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/text_source.h"
#include "cli/verbs.h"
#include "codec/embedded_files.h"
#include "codec/policy_file.h"
#include "codec/timestamp.h"

namespace mw {
namespace {

struct ReplayOptions {
  std::string from;
  std::string to;
  std::string policy;
};

Result<ReplayRequest> read(const Cli& cli, const ReplayOptions& options) {
  ReplayRequest request;
  auto home = cli.home();
  if (!home) return home.error();
  request.home = std::move(*home);
  for (const auto& [name, text, into] : {std::tuple("--from", &options.from, &request.from),
                                         std::tuple("--to", &options.to, &request.to)}) {
    if (text->empty()) continue;
    const auto at = parse_timestamp(*text);
    if (!at) {
      return Error{at.error().code,
                   fmt::format("{}: {}, found \"{}\"", name, at.error().message, *text)};
    }
    *into = *at;
  }
  const auto source =
      read_file_or_built_in(options.policy, kEmbeddedPolicies, "policy", kPolicyFileBytesMax);
  if (!source) return source.error();
  auto policy = parse_policy_file(source->text, source->name);
  if (!policy) return policy.error();
  request.policy = std::move(*policy);
  return request;
}

boost::json::value number_or_null(const std::optional<double>& value) {
  return value ? boost::json::value(*value) : boost::json::value(nullptr);
}

std::string as_json(const ReplayAnswer& answer) {
  boost::json::array figures;
  for (const ReplayRow& row : answer.rows) {
    figures.push_back(boost::json::object{{"name", row.name},
                                          {"real", number_or_null(row.real)},
                                          {"then", number_or_null(row.then)},
                                          {"other", number_or_null(row.other)}});
  }
  boost::json::array notes;
  for (const std::string& note : answer.notes) notes.push_back(boost::json::value(note));
  return boost::json::serialize(boost::json::object{{"from_ns", answer.from.count()},
                                                    {"to_ns", answer.to.count()},
                                                    {"policy_then", answer.policy_then},
                                                    {"policy_other", answer.policy_other},
                                                    {"inputs", answer.inputs},
                                                    {"run_times_drawn", answer.run_times_drawn},
                                                    {"figures", std::move(figures)},
                                                    {"notes", std::move(notes)}});
}

std::string title_of(const std::string& name) {
  constexpr std::string_view kLedger = "ledger.";
  if (!name.starts_with(kLedger)) return figure_title(name);
  std::string title = name.substr(kLedger.size());
  title.erase(title.rfind("_percent"));
  for (char& c : title) {
    if (c == '_') c = ' ';
  }
  return "time " + title;
}

std::string as_text(const ReplayAnswer& answer, const TerminalTraits& traits) {
  using Align = Column::Align;
  const auto cell = [](const ReplayRow& row, const std::optional<double>& value) {
    return Cell{value ? figure_text(row.name, *value) : "-"};
  };
  Table table({{.title = "FIGURE", .importance = 10, .width_min = 8},
               {.title = "REALLY", .importance = 7, .align = Align::kRight},
               {.title = "TWIN, AS IT WAS", .importance = 8, .align = Align::kRight},
               {.title = "TWIN, OTHER POLICY", .importance = 9, .align = Align::kRight},
               {.title = "DIFFERENCE", .importance = 6, .align = Align::kRight}});
  for (const ReplayRow& row : answer.rows) {
    table.add({{title_of(row.name)},
               cell(row, row.real),
               cell(row, row.then),
               cell(row, row.other),
               {row.then && row.other ? figure_text(row.name, *row.other - *row.then) : "-"}});
  }
  std::string text = fmt::format(
      "From {} to {}: policy {} was in force, the other is {}.\n\n{}\nREALLY beside TWIN, AS IT "
      "WAS "
      "shows how true the twin is. {} of people were asked again",
      clock_text(answer.from), clock_text(answer.to), answer.policy_then, answer.policy_other,
      table.render(traits), counted(static_cast<std::int64_t>(answer.inputs), "input"));
  text += answer.run_times_drawn == 0
              ? std::string(".\n")
              : fmt::format("; {} never ran, and take as long as jobs like them.\n",
                            counted(static_cast<std::int64_t>(answer.run_times_drawn), "job"));
  for (const std::string& note : answer.notes) text += note + "\n";
  return text;
}

int replay(const Cli& cli, const ReplayOptions& options) {
  const auto request = read(cli, options);
  if (!request) return cli.console.fail(request.error());
  const bool live = cli.console.err_traits.interactive;
  const auto answer = cli.hooks.replay(*request, [&](const std::string& doing) {
    if (live) cli.console.err("\r\x1b[K" + doing + " ");
  });
  if (live) cli.console.err("\r\x1b[K");
  if (!answer) return cli.console.fail(answer.error());
  cli.console.out(cli.globals.json ? pretty_json(as_json(*answer))
                                   : as_text(*answer, cli.console.out_traits));
  return 0;
}

}  // namespace

void add_replay(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand(
      "replay", "Run a part of the journal again under another policy: what would have differed");
  auto options = std::make_shared<ReplayOptions>();
  verb->add_option("--from", options->from,
                   "Where it begins, such as 2026-12-01T08:00:00Z (the journal's beginning when "
                   "not given)")
      ->type_name("WHEN");
  verb->add_option("--to", options->to, "Where it ends (the journal's end when not given)")
      ->type_name("WHEN");
  verb->add_option("--policy", options->policy,
                   "The other policy: a file, or the name of one that is built in")
      ->type_name("FILE")
      ->required();
  verb->footer(
      "Reads the journal itself; works with and without a control plane. Jobs run for as long as "
      "they really did. docs/forecasts.md says what the twin leaves out.\n\n"
      "  mw replay --policy my-policy.yaml --from 2026-12-01T00:00:00Z --to 2026-12-08T00:00:00Z");
  verb->callback(
      [&cli, options] { cli.action = [&cli, options] { return replay(cli, *options); }; });
}

}  // namespace mw
