// mw_validate: runs the checks and prints them as a table, or with --json one object a line. Ends
// with 1 when a bar is missed. `./dev validate` builds and runs it.
#include "validate.h"
#include "model/one_block_fleet.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "codec/json.h"
#include "codec/units.h"

namespace mw::validate {

FleetSpec plain_fleet(std::uint32_t nodes, std::uint32_t accelerators) {
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "h100-sxm";
  shape.accelerators = accelerators;
  shape.cpus = CpuShare(128'000);
  shape.memory = Bytes(std::int64_t{2} << 40);
  BlockSpec block;
  block.name = "block";
  block.nodes = nodes;
  if (nodes > 32) block.fabric = {{FabricLevel::kLeaf, 32}};
  return one_block_fleet("plain", std::move(shape), std::move(block));
}

Physics instant_physics() {
  Physics physics;
  physics.launch = physics.start_up = physics.stop = Duration(0);
  physics.topology_milli.fill(1000);
  return physics;
}

std::vector<JobRow> run_all(SimulationOptions options, WorkloadSource& jobs, FaultSource* faults) {
  std::vector<JobRow> rows;
  options.job_row = [&](const JobRow& row) { rows.push_back(row); };
  Simulation simulation(std::move(options), jobs, faults);
  if (const auto ran = simulation.run(); !ran) give_up(ran.error().message);
  for (const JobRow& row : rows) {
    if (row.state != "succeeded") give_up("job " + std::to_string(row.id) + " is " + row.state);
  }
  return rows;
}

double seconds_of(Duration length) { return static_cast<double>(length.count()) / 1e9; }

void give_up(const std::string& why) {
  std::fprintf(stderr, "mw_validate: %s\n", why.c_str());
  std::exit(2);
}

namespace {

struct Options {
  bool json = false;
  bool quick = false;
  std::string only;
  std::string muri;
  std::string shockwave;
  std::string faults;
  std::string list;
  std::int64_t nodes = 2;
  std::int64_t accelerators = 4;
  std::int64_t launch_ns = 0;
};

constexpr const char* kUsage =
    "usage: mw_validate [--json] [--quick] [--only GROUP] [--muri FOLDER] [--shockwave FOLDER]\n"
    "                   [--faults FILE]\n"
    "  --quick      smaller runs: larger statistical errors, and no judgement of the largest gang\n"
    "  --only       failures, intervals, detection, faults, queues, slow or none (only the traces "
    "below)\n"
    "  --faults     a trace of faults to be replayed as well\n"
    "  --muri       a folder with trace1.csv, trace3.csv, trace4.csv, beside published/\n"
    "  --shockwave  a folder with trace120.trace\n"
    "  --list FILE [--nodes N] [--accelerators N] [--launch-ns N]  only runs these jobs, and "
    "prints\n"
    "               their times; used by tests/validate/twin_against_live.py\n";

std::int64_t number(const std::string& text) {
  const auto value = parse_whole(text, 0, 1'000'000'000'000);
  if (!value) give_up(value.error().message + ", found " + text);
  return *value;
}

Options options_of(int count, char** values) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string given = values[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == count) give_up(given + " needs a value\n" + kUsage);
      return values[++i];
    };
    if (given == "--json") {
      options.json = true;
    } else if (given == "--quick") {
      options.quick = true;
    } else if (given == "--only") {
      options.only = value();
    } else if (given == "--muri") {
      options.muri = value();
    } else if (given == "--shockwave") {
      options.shockwave = value();
    } else if (given == "--faults") {
      options.faults = value();
    } else if (given == "--list") {
      options.list = value();
    } else if (given == "--nodes") {
      options.nodes = number(value());
    } else if (given == "--accelerators") {
      options.accelerators = number(value());
    } else if (given == "--launch-ns") {
      options.launch_ns = number(value());
    } else {
      give_up("unknown option " + given + "\n" + kUsage);
    }
  }
  return options;
}

std::string quoted(const std::string& text) {
  std::string out;
  append_json(out, text);
  return out;
}

void print_json(const Check& check) {
  std::printf(R"({"group": %s, "setting": %s, "quantity": %s, "unit": %s, "measured": %.6g, )"
              R"("expected": %.6g, "difference": %.6g, "allowed": %s, "met": %s, "note": %s})"
              "\n",
              quoted(check.group).c_str(), quoted(check.setting).c_str(),
              quoted(check.quantity).c_str(), quoted(check.unit).c_str(), check.measured,
              check.expected, check.difference(),
              check.allowed < 0 ? "null" : std::to_string(check.allowed).c_str(),
              check.met() ? "true" : "false", quoted(check.note).c_str());
}

void print_row(const Check& check) {
  std::string verdict = "told";
  if (check.allowed >= 0) verdict = check.met() ? "met" : "MISSED";
  std::printf("%-10s  %-26s  %-24s  %12.6g  %12.6g %-4s  %+8.2f %%  %-6s  %s\n",
              check.group.c_str(), check.setting.c_str(), check.quantity.c_str(), check.measured,
              check.expected, check.unit.c_str(), check.difference() * 100, verdict.c_str(),
              check.note.c_str());
}

/// True: all bars are met.
bool run(const Options& options) {
  Checks checks([&](const Check& check) {
    options.json ? print_json(check) : print_row(check);
    std::fflush(stdout);
  });
  const auto wanted = [&](const char* group) {
    return options.only.empty() || options.only == group;
  };
  // The square root of the number of failures is the statistical error: 1 % of 10,000.
  if (wanted("failures"))
    check_failures(checks, options.quick ? 2000 : 10'000, options.quick ? 4096 : 16'384);
  if (wanted("intervals")) check_intervals(checks);
  if (wanted("detection")) check_detection(checks, options.quick);
  if (wanted("faults")) check_faults(checks, options.faults, options.quick);
  if (wanted("queues"))
    check_queues(checks, options.quick ? 100'000 : 1'000'000,
                 options.quick ? 3'000'000 : 60'000'000);
  if (wanted("slow")) check_slow_nodes(checks, options.quick ? 400'000 : 4'000'000);
  if (!options.muri.empty()) check_muri(checks, options.muri);
  if (!options.shockwave.empty()) check_shockwave(checks, options.shockwave);
  return checks.met();
}

}  // namespace
}  // namespace mw::validate

int main(int count, char** values) {
  using namespace mw::validate;
  const Options options = options_of(count, values);
  if (!options.list.empty()) {
    run_list(options.list, static_cast<std::uint32_t>(options.nodes),
             static_cast<std::uint32_t>(options.accelerators), mw::Duration(options.launch_ns));
    return 0;
  }
  if (!options.json) {
    std::printf("%-10s  %-26s  %-24s  %12s  %12s %-4s  %10s  %-6s  %s\n", "check", "setting",
                "quantity", "measured", "expected", "", "difference", "bar", "note");
  }
  return run(options) ? 0 : 1;
}
