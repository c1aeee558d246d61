// mw goodput: what the fleet's time came to, by fleet, site, rack, node, tenant or job.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/text.h"

namespace mw {
namespace {

struct GoodputOptions {
  std::string by = "fleet";
  std::string limit;
};

std::string percent_text(const JsonView& value) {
  return value.present() ? fmt::format("{:.2f} %", value.real()) : "-";
}

std::string seconds_text(const JsonView& value) {
  return value.present() ? duration_text(seconds(static_cast<std::int64_t>(value.real()))) : "-";
}

/// "faulty 12 h, node_lost 3 h": the largest two.
std::string causes_text(const JsonView& row) {
  std::string text;
  int shown = 0;
  for (const auto& element : row["lost_by_cause"].list()) {
    const JsonView cause(element);
    const double lost = cause["accelerator_s"].real();
    if (lost <= 0 || shown == 2) continue;
    ++shown;
    text +=
        (text.empty() ? "" : ", ") + cause["cause"].text() + " " + accelerator_seconds_text(lost);
  }
  return text;
}

std::string render_goodput(const JsonView& view, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "NAME", .importance = 12, .width_min = 6},
               {.title = "GOODPUT", .importance = 11, .width_min = 7, .align = Align::kRight},
               {.title = "ETTR", .importance = 10, .width_min = 7, .align = Align::kRight},
               {.title = "PRODUCTIVE", .importance = 9, .width_min = 8, .align = Align::kRight},
               {.title = "LOST", .importance = 8, .width_min = 6, .align = Align::kRight},
               {.title = "OUT", .importance = 4, .width_min = 6, .align = Align::kRight},
               {.title = "INTERRUPTED", .importance = 7, .width_min = 5, .align = Align::kRight},
               {.title = "MTTF", .importance = 6, .width_min = 5, .align = Align::kRight},
               {.title = "MTTR", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "LOST BY", .importance = 3, .width_min = 10}});
  for (const auto& element : view["rows"].list()) {
    const JsonView row(element);
    table.add({{row["name"].text()},
               {percent_text(row["goodput_percent"])},
               {percent_text(row["ettr_percent"])},
               {accelerator_seconds_text(row["productive_accelerator_s"].real())},
               {accelerator_seconds_text(row["lost_work_accelerator_s"].real())},
               {accelerator_seconds_text(row["out_of_service_accelerator_s"].real())},
               {std::to_string(row["interruptions"].integer())},
               {seconds_text(row["mttf_s"])},
               {seconds_text(row["mttr_s"])},
               {causes_text(row), Colour::kDim}});
  }
  std::string out = table.empty() ? "Nothing yet.\n" : table.render(traits);
  const auto shown = static_cast<std::int64_t>(view["rows"].list().size());
  if (view["count"].integer() > shown) {
    out += fmt::format("{} of {}; --limit shows more.\n", shown, view["count"].integer());
  }
  return out;
}

}  // namespace

void add_goodput(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand(
      "goodput",
      "Show what was work that is kept, what was lost and why, and how often things fail");
  auto options = std::make_shared<GoodputOptions>();
  verb->add_option("--by", options->by, "fleet (default), site, rack, node, tenant or job")
      ->type_name("WHAT")
      ->check(CLI::IsMember({"fleet", "site", "rack", "node", "tenant", "job"}));
  verb->add_option("--limit", options->limit, "At most so many rows (default: 100)")
      ->type_name("N");
  verb->footer(
      "GOODPUT: productive time, of what jobs were given. ETTR: productive time, of that and the "
      "time that jobs waited to start again. MTTF and MTTR are of nodes, and for jobs and tenants "
      "between interruptions and until they run again. The sums are the ledger's, exact.\n\n"
      "  mw goodput --by rack");
  verb->callback([&cli, options] {
    cli.action = [&cli, options] {
      auto api = cli.api();
      if (!api) return cli.console.fail(api.error());
      std::vector<std::pair<std::string, std::string>> query{{"by", options->by}};
      if (!options->limit.empty()) query.emplace_back("limit", options->limit);
      const auto reply = api->get("/v1/goodput", query);
      if (!reply) return cli.console.fail(reply.error());
      if (cli.globals.json) return cli.print_json(*reply);
      cli.console.out(render_goodput(reply->view(), cli.console.out_traits));
      return 0;
    };
  });
}

}  // namespace mw
