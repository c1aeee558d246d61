// mw check ...: the checks that come with Millwright, run here and now. The fault policy names them
// as programs; a person can run them by hand. What they are is in src/checks.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <sstream>

#include "checks/accelerators.h"
#include "checks/host.h"
#include "checks/link.h"
#include "cli/fleet_source.h"
#include "cli/format.h"
#include "cli/stop_signals.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/check_output.h"
#include "codec/units.h"

namespace mw {
namespace {

using checks::Report;

constexpr Duration kLengthMax = hours(24);
constexpr Bytes kSizeMax(std::int64_t{1} << 40);

struct CheckOptions {
  std::string seconds = "5s";
  std::string memory = "1GiB";
  std::string disk = "256MiB";
  std::string folder;
  std::string root = "/";
  std::optional<std::uint32_t> accelerators;
  std::string type;
  std::string python = "python3";
  std::string device = "cuda";
  std::vector<std::string> peers;
  std::string secret;
  std::string size = "256MiB";
  bool rack = false;
  bool serve = false;
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;
};

std::string from_environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

boost::json::string text_value(std::string_view text) {
  return boost::json::string(text.data(), text.size());
}

boost::json::object report_json(const Report& report) {
  boost::json::array measures;
  for (const Measure& each : report.measures) {
    measures.push_back(boost::json::object{{"name", each.name},
                                           {"value", each.value},
                                           {"unit", each.unit},
                                           {"better", text_value(name_of(each.better))}});
  }
  return {{"outcome", text_value(name_of(report.outcome))},
          {"detail", report.detail},
          {"measures", std::move(measures)}};
}

/// All of them as one: failed if any has, else unable if any was.
Report joined(const std::vector<Report>& reports) {
  Report all{"all"};
  for (const Report& each : reports) {
    const bool worse =
        each.outcome == CheckOutcome::kFailed ||
        (each.outcome == CheckOutcome::kUnable && all.outcome == CheckOutcome::kPassed);
    if (worse) all.outcome = each.outcome;
    if (!each.detail.empty()) {
      all.detail += (all.detail.empty() ? "" : "; ") + each.name + ": " + each.detail;
    }
    all.measures.insert(all.measures.end(), each.measures.begin(), each.measures.end());
  }
  return all;
}

std::string render(const std::vector<Report>& reports, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "CHECK", .importance = 10, .width_min = 6},
               {.title = "OUTCOME", .importance = 9, .width_min = 7},
               {.title = "MEASURE", .importance = 8, .width_min = 10},
               {.title = "VALUE", .importance = 8, .width_min = 8, .align = Align::kRight},
               {.title = "DETAIL", .importance = 7, .width_min = 10}});
  for (const Report& each : reports) {
    const std::string outcome(name_of(each.outcome));
    const Colour colour = each.outcome == CheckOutcome::kPassed   ? Colour::kGreen
                          : each.outcome == CheckOutcome::kFailed ? Colour::kRed
                                                                  : Colour::kYellow;
    if (each.measures.empty()) table.add({{each.name}, {outcome, colour}, {}, {}, {each.detail}});
    for (std::size_t i = 0; i < each.measures.size(); ++i) {
      const Measure& measure = each.measures[i];
      table.add({{i == 0 ? each.name : ""},
                 {i == 0 ? outcome : "", colour},
                 {measure.name},
                 {measure_text(measure.value, measure.unit)},
                 {i == 0 ? each.detail : ""}});
    }
  }
  return table.render(traits);
}

/// One line of JSON, as hooks read it; or a table.
int tell(const Cli& cli, const std::vector<Report>& reports) {
  const Report all = joined(reports);
  if (cli.globals.json) {
    cli.console.out(boost::json::serialize(report_json(all)) + "\n");
  } else {
    cli.console.out(render(reports, cli.console.out_traits));
  }
  if (all.outcome == CheckOutcome::kPassed) return 0;
  return all.outcome == CheckOutcome::kFailed ? 1 : kUnableExit;
}

Error option_error(const char* option, const Error& error, const std::string& value) {
  return Error{ErrorCode::kInvalid,
               fmt::format("{}: {}, found {}", option, error.message, in_quotes(value))};
}

Result<Duration> length_of(const CheckOptions& options) {
  const auto length = parse_duration(options.seconds, milliseconds(1), kLengthMax);
  if (!length) return option_error("--length", length.error(), options.seconds);
  return length;
}
Result<Bytes> size_of(const char* option, const std::string& text) {
  const auto size = parse_bytes(text, Bytes(1), kSizeMax);
  if (!size) return option_error(option, size.error(), text);
  return size;
}

Result<Report> run_processor(const CheckOptions& options) {
  const auto length = length_of(options);
  if (!length) return length.error();
  return checks::check_processor(*length);
}
Result<Report> run_memory(const CheckOptions& options) {
  const auto size = size_of("--memory", options.memory);
  if (!size) return size.error();
  return checks::check_memory(*size);
}
Result<Report> run_disk(const CheckOptions& options) {
  const auto size = size_of("--disk", options.disk);
  if (!size) return size.error();
  if (options.folder.empty()) {
    return Error{ErrorCode::kInvalid, "--dir: say in which folder the disk is to be checked"};
  }
  return checks::check_disk(options.folder, *size);
}

/// What the fleet says that this node has: by the options, else by what the control plane told.
Result<Report> run_accelerators(const CheckOptions& options) {
  checks::WantedAccelerators wanted;
  wanted.count = options.accelerators;
  std::string type = options.type;
  if (!wanted.count && type.empty()) {
    type = from_environment("MILLWRIGHT_ACCELERATOR_TYPE");
    const auto count = parse_whole(from_environment("MILLWRIGHT_ACCELERATORS"), 0, 4096);
    if (count) wanted.count = static_cast<std::uint32_t>(*count);
  }
  if (type == "cpu") return Report{"accelerators"};  // its accelerators are its processors
  if (!type.empty()) {
    const auto catalogue = load_catalogue("");
    if (!catalogue) return catalogue.error();
    const AcceleratorType* known = find_type(*catalogue, type);
    if (known != nullptr) wanted.vendor = known->vendor;
    if (known != nullptr) wanted.type = known->name;
    wanted.catalogue = *catalogue;
    if (known != nullptr && known->vendor == "none") return Report{"accelerators"};
    if (wanted.vendor == "google" || wanted.vendor == "aws") {
      return checks::unable("accelerators",
                            "it is not known how to count those of " + wanted.vendor);
    }
  }
  return checks::check_accelerators(agent::Folder(options.root), wanted);
}

Result<Report> run_burn(const CheckOptions& options) {
  const auto length = length_of(options);
  if (!length) return length.error();
  if (options.device != "cuda" && options.device != "cpu") {
    return Error{ErrorCode::kInvalid, fmt::format("--device: expected cuda or cpu, found {}",
                                                  in_quotes(options.device))};
  }
  return checks::burn_accelerators(options.python, options.device, *length);
}

Result<std::string> read_secret(const std::string& path) {
  constexpr std::size_t kSecretMin = 16;
  if (path.empty()) return std::string();
  std::ifstream file(path);
  std::string secret;
  if (!file || !std::getline(file, secret)) {
    return Error{ErrorCode::kInvalid, "--secret: cannot read " + in_quotes(path)};
  }
  if (secret.size() < kSecretMin) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--secret: expected a line of at least {} characters in {}",
                             kSecretMin, in_quotes(path))};
  }
  return secret;
}

Result<checks::LinkPeer> parse_peer(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  const auto port = colon == std::string::npos
                        ? Result<std::int64_t>(Error{ErrorCode::kInvalid, ""})
                        : parse_whole(text.substr(colon + 1), 1, 65'535);
  if (!port || colon == 0) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("expected a peer such as n18:7411, found {}", in_quotes(text))};
  }
  return checks::LinkPeer{text.substr(0, colon), static_cast<std::uint16_t>(*port)};
}

/// Those that stand in the rack of the node that is checked, as the control plane tells its
/// programs.
Result<std::vector<checks::LinkPeer>> rack_peers(const CheckOptions& options) {
  if (options.port == 0) {
    return Error{ErrorCode::kInvalid, "--rack needs --port: where do the others listen?"};
  }
  if (!options.peers.empty()) {
    return Error{ErrorCode::kInvalid, "--rack says who the peers are: leave them out"};
  }
  std::vector<checks::LinkPeer> peers;
  std::istringstream names(from_environment("MILLWRIGHT_RACK_NODES"));
  for (std::string name; names >> name;) peers.push_back({name, options.port});
  return peers;
}

Result<Report> run_link(const CheckOptions& options) {
  const auto secret = read_secret(options.secret);
  if (!secret) return secret.error();
  const auto size = size_of("--size", options.size);
  if (!size) return size.error();
  if (options.rack) {
    const auto peers = rack_peers(options);
    if (!peers) return peers.error();
    return checks::check_rack(*peers, *secret, *size);
  }
  if (options.peers.empty()) {
    return Error{ErrorCode::kInvalid, "say which peers, such as n18:7411, or --rack, or --serve"};
  }
  std::vector<checks::LinkPeer> peers;
  for (const std::string& text : options.peers) {
    auto peer = parse_peer(text);
    if (!peer) return peer.error();
    peers.push_back(std::move(*peer));
  }
  return checks::check_links(peers, *secret, *size);
}

int serve_links(const Cli& cli, const CheckOptions& options) {
  const auto secret = read_secret(options.secret);
  if (!secret) return cli.console.fail(secret.error());
  const int stop = open_stop_signals();
  if (stop < 0) return cli.console.fail({ErrorCode::kInternal, "cannot wait for signals"});
  const auto ended =
      checks::serve_links({options.address, options.port, *secret}, stop, [&](std::uint16_t port) {
        cli.console.out(fmt::format("listening on {} port {}\n", options.address, port));
      });
  ::close(stop);
  return ended ? 0 : cli.console.fail(ended.error());
}

using Run = Result<Report> (*)(const CheckOptions&);

int run_all(const Cli& cli, const std::vector<Run>& runs, const CheckOptions& options) {
  std::vector<Report> reports;
  for (const Run run : runs) {
    auto report = run(options);
    if (!report) return cli.console.fail(report.error());
    reports.push_back(std::move(*report));
  }
  return tell(cli, reports);
}

/// What each check can be told.
enum Told : unsigned { kLength = 1, kMemory = 2, kDisk = 4, kPresence = 8, kBurn = 16, kLink = 32 };

void add_options(CLI::App* verb, CheckOptions& options, unsigned told) {
  if ((told & (kLength | kBurn)) != 0) {
    verb->add_option("--length", options.seconds, "How long to multiply matrices (default: 5s)")
        ->type_name("TIME");
  }
  if ((told & kMemory) != 0) {
    verb->add_option("--memory", options.memory, "How much memory to fill (default: 1GiB)")
        ->type_name("SIZE");
  }
  if ((told & kDisk) != 0) {
    verb->add_option("--dir", options.folder, "The folder in which to write; nothing is left there")
        ->type_name("DIR");
    verb->add_option("--disk", options.disk, "How much to write and read (default: 256MiB)")
        ->type_name("SIZE");
  }
  if ((told & kPresence) != 0) {
    verb->add_option("--accelerators", options.accelerators,
                     "How many accelerators there are to be (default: what the control plane says, "
                     "else as many as are seen)")
        ->type_name("N");
    verb->add_option("--type", options.type, "Their type, as the catalogue or the fleet has it")
        ->type_name("TYPE");
    verb->add_option("--root", options.root,
                     "Look at the files of the machine below this folder (default: /)")
        ->type_name("DIR");
  }
  if ((told & kBurn) != 0) {
    verb->add_option("--python", options.python, "The Python that has PyTorch (default: python3)")
        ->type_name("PROGRAM");
    verb->add_option("--device", options.device,
                     "cuda (NVIDIA and AMD), or cpu to try it where there is none (default: cuda)")
        ->type_name("DEVICE");
  }
  if ((told & kLink) != 0) {
    verb->add_option("PEER", options.peers, "Where others listen: HOST:PORT");
    verb->add_flag("--rack", options.rack,
                   "Measure with $MILLWRIGHT_RACK_NODES, as programs of the fault policy are told");
    verb->add_flag("--serve", options.serve, "Listen for others, until it is ended");
    verb->add_option("--address", options.address,
                     "Where to listen (default: 127.0.0.1; elsewhere a secret is needed)")
        ->type_name("ADDRESS");
    verb->add_option("--port", options.port,
                     "The port to listen on (default: one that is free); with --rack, on which the "
                     "others do")
        ->type_name("PORT");
    verb->add_option("--secret", options.secret,
                     "A file whose first line all nodes share; it is proven, and never sent")
        ->type_name("FILE");
    verb->add_option("--size", options.size, "How much to send each way (default: 256MiB)")
        ->type_name("SIZE");
  }
}

struct CheckVerb {
  const char* name;
  const char* description;
  unsigned told;
  std::vector<Run> runs;
  const char* footer;
};

const std::vector<CheckVerb>& check_verbs() {
  static const std::vector<CheckVerb> all = {
      {"host",
       "Check processors, memory and accelerators, and a disk where --dir says",
       kLength | kMemory | kDisk | kPresence,
       {run_processor, run_memory, run_accelerators},
       "It takes about a quarter of a minute, and all processors.\n\n"
       "  mw check host --dir /scratch --accelerators 8"},
      {"cpu",
       "Multiply matrices on every processor, and prove the products",
       kLength,
       {run_processor},
       ""},
      {"memory",
       "Fill memory and read it back, and measure how fast it copies",
       kMemory,
       {run_memory},
       ""},
      {"disk",
       "Write, make durable, read back",
       kDisk,
       {run_disk},
       "  mw check disk --dir /scratch"},
      {"accelerators",
       "Count the accelerators on PCI and those that their driver has taken up",
       kPresence,
       {run_accelerators},
       "  mw check accelerators --accelerators 8 --type H100"},
      {"burn",
       "Fill the memory of every accelerator, and multiply matrices on it",
       kBurn,
       {run_burn},
       "It needs a Python with PyTorch that sees the accelerators (CUDA or ROCm); without one it "
       "could not be run."},
      {"link",
       "Measure the link to other nodes, or listen for them",
       kLink,
       {run_link},
       "  mw check link --serve --address 10.0.0.18 --port 7411 --secret /etc/millwright/link\n"
       "  mw check link n18:7411 n19:7411 --secret /etc/millwright/link\n"
       "  mw check link --rack --port 7411 --secret /etc/millwright/link"},
  };
  return all;
}

}  // namespace

void add_check(CLI::App& app, Cli& cli) {
  CLI::App* group = app.add_subcommand("check", "Check this machine, here and now");
  group->require_subcommand(1);
  group->footer(
      "Exit code 0: passed; 1: failed; 75: it could not be run. With --json one line that programs "
      "of the fault policy say (docs/checks.md).");
  auto options = std::make_shared<CheckOptions>();
  for (const CheckVerb& each : check_verbs()) {
    CLI::App* verb = group->add_subcommand(each.name, each.description);
    add_options(verb, *options, each.told);
    if (*each.footer != '\0') verb->footer(each.footer);
    verb->callback([&cli, options, &each] {
      cli.action = [&cli, options, &each] {
        if (options->serve) return serve_links(cli, *options);
        std::vector<Run> runs = each.runs;
        const bool also_disk = (each.told & kMemory) != 0 && (each.told & kDisk) != 0;
        if (also_disk && !options->folder.empty()) runs.push_back(run_disk);
        return run_all(cli, runs, *options);
      };
    });
  }
}

}  // namespace mw
