// mw sim: the twin from the command line. Needs no control plane.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/verbs.h"

namespace mw {

void add_sim(CLI::App& app, Cli& cli) {
  CLI::App* sim = app.add_subcommand("sim", "Simulated runs of a fleet");
  sim->require_subcommand(1);
  add_sim_compare(*sim, cli);
}

}  // namespace mw
