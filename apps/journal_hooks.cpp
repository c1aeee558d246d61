#include "journal_hooks.h"

#include "codec/event_json.h"
#include "codec/text.h"
#include "journal/sqlite/sqlite_journal.h"
#include "loop/recovery.h"

namespace mw {
namespace {

Result<std::unique_ptr<Journal>> open_to_read(const std::filesystem::path& home) {
  SqliteJournalOptions options;
  options.read_only = true;
  return open_sqlite_journal((home / "journal.db").string(), options);
}

Result<JournalCheck> check(const std::filesystem::path& home,
                           const std::function<void(std::uint64_t)>& progress) {
  auto journal = open_to_read(home);
  if (!journal) return journal.error();
  auto report = verify(**journal, progress);
  if (!report) return report.error();
  return JournalCheck{report->batches, report->inputs, report->events};
}

Result<std::vector<JournalEvent>> events(const std::filesystem::path& home,
                                         const JournalQuery& query) {
  auto journal = open_to_read(home);
  if (!journal) return journal.error();
  EventQuery wanted;
  wanted.after = EventSeq(query.after);
  if (query.job != 0) wanted.job = JobId(query.job);
  wanted.limit = query.limit;
  auto stored = (*journal)->events(wanted);
  if (!stored) return stored.error();
  std::vector<JournalEvent> found;
  for (const StoredEvent& event : *stored) {
    found.push_back({event.seq.value(), event.event.at, std::string(kind_of(event.event.body)),
                     text(event.event.body), event_row(event.event)});
  }
  return found;
}

Result<JournalStats> stats(const std::filesystem::path& home) {
  auto journal = open_to_read(home);
  if (!journal) return journal.error();
  auto last = (*journal)->last_event();
  if (!last) return last.error();
  auto state = recover(**journal);
  if (!state) return state.error();
  std::error_code ignored;
  const auto size = std::filesystem::file_size(home / "journal.db", ignored);
  return JournalStats{
      {"file", (home / "journal.db").string()},
      {"file_bytes", std::to_string(size)},
      {"schema", std::to_string(kSqliteJournalSchema)},
      {"events", std::to_string(last->value())},
      {"jobs_submitted", std::to_string(state->next_job.value() - 1)},
      {"jobs_in_state", std::to_string(state->jobs.size())},
      {"attempts_active", std::to_string(state->attempts.size())},
      {"nodes", std::to_string(state->nodes.size())},
  };
}

}  // namespace

void add_journal_hooks(CliHooks& hooks) {
  hooks.journal_verify = check;
  hooks.journal_events = events;
  hooks.journal_stats = stats;
}

}  // namespace mw
