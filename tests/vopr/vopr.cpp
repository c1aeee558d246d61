// mw_vopr: many runs, each from a seed of its own, until the time is over or one of them breaks.
// The first that does ends it, with the command that repeats it.
#include <unistd.h>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "run.h"

namespace {

using mw::vopr::Figures;
using mw::vopr::Run;
using Clock = std::chrono::steady_clock;

constexpr const char* kUsage =
    "usage: mw_vopr [--seconds N] [--seed S] [--runs N] [--seeds FILE] [--no-verify] [-v]\n"
    "  --seconds N   run for so long (default: 60, or one run when a seed is given)\n"
    "  --runs N      at most so many runs\n"
    "  --seed S      the first run's seed, the next one's is S + 1 (default: by the clock)\n"
    "  --seeds FILE  run the seeds that the file lists, one a line, and end\n"
    "  --no-verify   do not step the journal again at the end of each run\n"
    "  -v            print every event\n";

struct Options {
  std::uint64_t seconds = 0;
  std::uint64_t runs = 0;
  std::optional<std::uint64_t> seed;
  std::vector<std::uint64_t> listed;
  bool verbose = false;
  bool verify = true;
};

[[noreturn]] void refuse(const std::string& why) {
  std::fprintf(stderr, "mw_vopr: %s\n%s", why.c_str(), kUsage);
  std::exit(2);
}

std::uint64_t number(std::string_view text, const std::string& of) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    refuse(of + ": expected a whole number, found \"" + std::string(text) + "\"");
  }
  return value;
}

std::vector<std::uint64_t> seeds_in(const std::string& path) {
  std::ifstream file(path);
  if (!file) refuse("--seeds: cannot read " + path);
  std::vector<std::uint64_t> seeds;
  for (std::string line; std::getline(file, line);) {
    const std::string word = line.substr(0, line.find_first_of(" #"));
    if (!word.empty()) seeds.push_back(number(word, path));
  }
  if (seeds.empty()) refuse("--seeds: there are none in " + path);
  return seeds;
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "-v") {
      options.verbose = true;
      continue;
    }
    if (name == "--no-verify") {
      options.verify = false;
      continue;
    }
    if (name != "--seconds" && name != "--runs" && name != "--seed" && name != "--seeds") {
      refuse("unknown option " + name);
    }
    if (i + 1 == argc) refuse(name + " needs a value");
    const std::string value = argv[++i];
    if (name == "--seeds") {
      options.listed = seeds_in(value);
    } else if (name == "--seconds") {
      options.seconds = number(value, name);
    } else if (name == "--runs") {
      options.runs = number(value, name);
    } else {
      options.seed = number(value, name);
    }
  }
  if (options.seconds == 0 && options.runs == 0) {
    options.seed ? options.runs = 1 : options.seconds = 60;
  }
  return options;
}

// What repeats the present run; a CHECK in the brain aborts, and then a signal handler tells it.
char repeat_command[160];

void tell_repeat(int /*signal*/) {
  // What can be done within a signal handler is done here; that a write fails changes nothing.
  if (write(STDERR_FILENO, repeat_command, std::strlen(repeat_command)) < 0) _exit(1);
  _exit(1);
}

void print(const Figures& f) {
  const auto line = [](const char* what, std::uint64_t n) {
    std::printf("%-34s %12llu\n", what, static_cast<unsigned long long>(n));
  };
  line("runs", f.runs);
  line("simulated hours", f.simulated_s / 3600);
  line("turns of the loop", f.turns);
  line("events", f.events);
  line("jobs", f.jobs);
  line("  that nothing there could run", f.never_possible);
  line("attempts", f.attempts);
  line("  in reservations", f.reserved_attempts);
  line("preemptions", f.preemptions);
  line("elastic jobs grown", f.grown);
  line("ranks replaced in place", f.in_place);
  line("attempts on lent spares", f.lent);
  line("kept nodes taken by others", f.kept_taken);
  line("reservations", f.reservations);
  line("faults: nodes down", f.nodes_down);
  line("faults: nodes slow", f.nodes_slow);
  line("told of nodes, places and jobs", f.told);
  line("  faults that were news", f.faults);
  line("nodes taken by the fault policy", f.taken);
  line("repairs and proofs begun", f.remedies);
  line("breakers tripped", f.trips);
  line("checks of nodes", f.checks);
  line("checks stopped", f.checks_stopped);
  line("faults: tasks failed", f.tasks_failed);
  line("  faults of several nodes at once", f.correlated);
  line("crashes before the append", f.died_before_append);
  line("crashes after the append", f.died_after_append);
  line("crashes in the midst of commands", f.died_in_commands);
  line("crashes between two turns", f.died_between_turns);
  line("appends that failed", f.store_failures);
  line("recoveries", f.recoveries);
  line("snapshots", f.snapshots);
  line("messages", f.messages);
  line("  lost", f.messages_lost);
  line("  doubled", f.messages_doubled);
}

class Runner {
 public:
  explicit Runner(Options options) : options_(std::move(options)), began_(Clock::now()) {}

  int run() {
    for (const int each : {SIGABRT, SIGSEGV, SIGFPE}) std::signal(each, tell_repeat);
    const std::uint64_t first = options_.seed.value_or(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                       std::chrono::system_clock::now().time_since_epoch())
                                       .count()));
    if (options_.listed.empty()) {
      std::fprintf(stderr, "seeds from %llu\n", static_cast<unsigned long long>(first));
    }
    for (std::uint64_t i = 0; !is_over(i); ++i) {
      if (!run_one(options_.listed.empty() ? first + i : options_.listed[i])) return 1;
      progress();
    }
    print(total_);
    return 0;
  }

 private:
  [[nodiscard]] bool is_over(std::uint64_t runs) const {
    if (!options_.listed.empty()) return runs == options_.listed.size();
    if (options_.runs > 0 && runs >= options_.runs) return true;
    return options_.seconds > 0 && Clock::now() - began_ >= std::chrono::seconds(options_.seconds);
  }

  bool run_one(std::uint64_t seed) {
    std::snprintf(repeat_command, sizeof repeat_command,
                  "repeat it with: ./dev vopr --seed %llu --runs 1 -v\n",
                  static_cast<unsigned long long>(seed));
    try {
      total_.add(Run(seed, options_.verbose, options_.verify).run());
      return true;
    } catch (const std::exception& broken) {
      std::fflush(stdout);
      std::fprintf(stderr, "BROKEN after %llu runs: %s\n%s",
                   static_cast<unsigned long long>(total_.runs), broken.what(), repeat_command);
      return false;
    }
  }

  void progress() {
    if (Clock::now() - told_ < std::chrono::seconds(5)) return;
    told_ = Clock::now();
    std::fprintf(
        stderr, "%llu runs, %llu simulated hours, %llu crashes, all well\n",
        static_cast<unsigned long long>(total_.runs),
        static_cast<unsigned long long>(total_.simulated_s / 3600),
        static_cast<unsigned long long>(total_.died_before_append + total_.died_after_append +
                                        total_.died_in_commands + total_.died_between_turns));
  }

  Options options_;
  Clock::time_point began_;
  Clock::time_point told_ = Clock::now();
  Figures total_;
};

}  // namespace

int main(int argc, char** argv) { return Runner(parse(argc, argv)).run(); }
