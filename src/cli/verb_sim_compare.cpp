// mw sim compare: runs that have been simulated, side by side. Reads their summary.json.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/parse.hpp>
#include <memory>

#include "cli/json_view.h"
#include "cli/render_sim.h"
#include "cli/sim.h"
#include "cli/verbs.h"

namespace mw {
namespace {

int show(const Cli& cli, const SimCompareRequest& request) {
  const Result<std::string> comparison = cli.hooks.sim.compare(request);
  if (!comparison) return cli.console.fail(comparison.error());
  if (cli.globals.json) {
    cli.console.out(pretty_json(*comparison));
    return 0;
  }
  const boost::json::value tree = boost::json::parse(*comparison);
  cli.console.out(render_comparison(JsonView(tree), cli.console.out_traits));
  if (!request.out.empty())
    cli.console.out(fmt::format("\nCharts: {}/compare.html\n", printable(request.out)));
  return 0;
}

}  // namespace

void add_sim_compare(CLI::App& sim, Cli& cli) {
  CLI::App* verb =
      sim.add_subcommand("compare", "Shows simulated runs side by side, with what differs");
  auto request = std::make_shared<SimCompareRequest>();
  verb->add_option("RUN", request->runs,
                   "A run's folder or its summary.json, or a folder with runs of one setup in "
                   "seed-1/, seed-2/, ...; two or more, and the first is what others differ from")
      ->required();
  verb->add_option("--out", request->out,
                   "Also write compare.html, with the charts over each other, into this folder")
      ->type_name("DIR");
  verb->footer(
      "Figures are means over the seeds, with the standard deviation. A difference is \"beyond\" "
      "the "
      "spread when it is larger than its 95 % confidence interval, else \"within\" it: seed by "
      "seed where both sides ran the same seeds, which met the same jobs and faults, otherwise by "
      "Welch's test. It takes two seeds on each side.\n\n"
      "  mw sim compare runs/fair runs/fifo --out runs/compared");
  verb->callback([&cli, request] { cli.action = [&cli, request] { return show(cli, *request); }; });
}

}  // namespace mw
