// mw journal ...: the journal itself, without a control plane.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace mw {
namespace {

constexpr std::size_t kPage = 1000;

int verify(const Cli& cli) {
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  const bool live = cli.console.err_traits.interactive;
  const auto checked = cli.hooks.journal_verify(*home, [&](std::uint64_t events) {
    if (live)
      cli.console.err(fmt::format("\r{} ", counted(static_cast<std::int64_t>(events), "event")));
  });
  if (live) cli.console.err("\r\x1b[K");
  if (!checked) return cli.console.fail(checked.error());
  if (cli.globals.json) {
    cli.console.out(pretty_json(boost::json::serialize(boost::json::object{
        {"batches", checked->batches}, {"inputs", checked->inputs}, {"events", checked->events}})));
  } else {
    cli.console.out(fmt::format(
        "The journal is sound: {} inputs in {} batches, stepped again, gave the same {} events and "
        "the same state.\n",
        checked->inputs, checked->batches, checked->events));
  }
  return 0;
}

int events(const Cli& cli, JournalQuery query) {
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  std::size_t left = query.limit == 0 ? SIZE_MAX : query.limit;
  while (left > 0) {
    query.limit = std::min(left, kPage);
    const auto page = cli.hooks.journal_events(*home, query);
    if (!page) return cli.console.fail(page.error());
    std::string text;
    for (const JournalEvent& event : *page) {
      const std::string line =
          cli.globals.json ? event.row
                           : fmt::format("{:>7}  {}  {:<20} {}", event.seq, clock_text(event.at),
                                         event.kind, printable(event.text));
      const TerminalTraits& traits = cli.console.out_traits;
      text += (traits.width > 0 && !cli.globals.json ? clip(line, traits.width, traits.unicode)
                                                     : line) +
              "\n";
    }
    cli.console.out(text);
    if (page->size() < query.limit) return 0;
    left -= page->size();
    query.after = page->back().seq;
  }
  return 0;
}

int stats(const Cli& cli) {
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  const auto read = cli.hooks.journal_stats(*home);
  if (!read) return cli.console.fail(read.error());
  if (cli.globals.json) {
    boost::json::object object;
    for (const auto& [name, value] : *read) object[name] = value;
    cli.console.out(pretty_json(boost::json::serialize(object)));
    return 0;
  }
  std::vector<std::pair<std::string, Cell>> facts;
  for (const auto& [name, value] : *read) {
    std::string shown = name;
    std::ranges::replace(shown, '_', ' ');
    facts.push_back({shown, {value}});
  }
  cli.console.out(render_facts(facts, 0, cli.console.out_traits));
  return 0;
}

}  // namespace

void add_journal(CLI::App& app, Cli& cli) {
  CLI::App* group =
      app.add_subcommand("journal", "Read the journal itself, without a control plane");
  group->require_subcommand(1);

  CLI::App* check =
      group->add_subcommand("verify", "Step the whole history again, and compare what comes out");
  check->footer(
      "Works while a control plane runs: it then checks what had been stored when it began.");
  check->callback([&cli] { cli.action = [&cli] { return verify(cli); }; });

  CLI::App* list = group->add_subcommand("events", "Print the stored events, oldest first");
  auto query = std::make_shared<JournalQuery>(JournalQuery{.limit = 0});
  list->add_option("--after", query->after, "Only events after this number")->type_name("N");
  list->add_option("--job", query->job, "Only what is about this job")->type_name("N");
  list->add_option("--limit", query->limit, "End after so many")->type_name("N");
  list->footer("With --json each line is one stored row.");
  list->callback([&cli, query] { cli.action = [&cli, query] { return events(cli, *query); }; });

  CLI::App* figures = group->add_subcommand("stats", "Show what the journal holds");
  figures->callback([&cli] { cli.action = [&cli] { return stats(cli); }; });
}

}  // namespace mw
