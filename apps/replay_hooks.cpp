#include "replay_hooks.h"

#include "journal/sqlite/sqlite_journal.h"
#include "twin/replay.h"

namespace mw {
namespace {

/// Rows of one figure from the three columns.
class Rows {
 public:
  explicit Rows(const ReplayReport& report) : report_(report) {}

  template <class Member>
  void add(const std::string& name, Member ReplayFigures::*member) {
    rows_.push_back({name, as_double(report_.real.*member), as_double(report_.then.*member),
                     as_double(report_.other.*member)});
  }
  void add_ledger() {
    for (std::size_t i = 0; i < report_.real.ledger.size(); ++i) {
      rows_.push_back({"ledger." + report_.real.ledger[i].category + "_percent",
                       report_.real.ledger[i].percent, report_.then.ledger[i].percent,
                       report_.other.ledger[i].percent});
    }
  }
  std::vector<ReplayRow> take() { return std::move(rows_); }

 private:
  static std::optional<double> as_double(std::optional<double> value) { return value; }
  static std::optional<double> as_double(double value) { return value; }
  static std::optional<double> as_double(std::uint64_t value) { return static_cast<double>(value); }

  const ReplayReport& report_;
  std::vector<ReplayRow> rows_;
};

Result<ReplayAnswer> run_replay(const ReplayRequest& request,
                                const std::function<void(const std::string&)>& progress) {
  SqliteJournalOptions journal_options;
  journal_options.read_only = true;
  auto journal = open_sqlite_journal((request.home / "journal.db").string(), journal_options);
  if (!journal) return journal.error();
  ReplayOptions options;
  options.from = request.from;
  options.to = request.to;
  options.policy = request.policy;
  const auto report = replay(**journal, options, progress);
  if (!report) return report.error();
  Rows rows(*report);
  rows.add("wait_mean_s", &ReplayFigures::wait_mean_s);
  rows.add("wait_p90_s", &ReplayFigures::wait_p90_s);
  rows.add("jobs_started", &ReplayFigures::jobs_started);
  rows.add("jobs_finished", &ReplayFigures::jobs_finished);
  rows.add("utilisation_percent", &ReplayFigures::utilisation_percent);
  rows.add("goodput_percent", &ReplayFigures::goodput_percent);
  rows.add("lost_accelerator_hours", &ReplayFigures::lost_accelerator_hours);
  rows.add_ledger();
  rows.add("energy_mwh", &ReplayFigures::energy_mwh);
  rows.add("cost_usd", &ReplayFigures::cost_usd);
  return ReplayAnswer{report->from, report->to,     report->policy_then,     report->policy_other,
                      rows.take(),  report->inputs, report->run_times_drawn, report->notes};
}

}  // namespace

void add_replay_hooks(CliHooks& hooks) { hooks.replay = run_replay; }

}  // namespace mw
