#include "loop/recovery.h"

#include <optional>
#include <utility>
#include <vector>

#include "core/core.h"

namespace mw {
namespace {

Error broken(std::string message) { return {ErrorCode::kInternal, std::move(message)}; }

std::string number(std::uint64_t n) { return std::to_string(n); }

/// Nodes that joined together are put in order together; so many events are in memory for that.
constexpr std::size_t kAppliedAtOnce = 4096;

/// Applies stored events to `state`, up to and including `last`.
Result<void> replay(Journal& journal, State& state, EventSeq last) {
  std::optional<Error> fault;
  std::vector<Event> read;
  EventSeq seq = state.last_seq;
  Instant at = state.now;
  const auto apply_read = [&] {
    apply_all(state, read);
    read.clear();
  };
  const Result<void> visited = journal.visit_events(state.last_seq, [&](const StoredEvent& stored) {
    if (stored.seq > last) return false;
    if (stored.seq != seq.next()) {
      fault =
          broken("event " + number(seq.next().value()) + " is missing from the journal: event " +
                 number(seq.value()) + " is followed by " + number(stored.seq.value()));
    } else if (stored.event.at < at) {
      fault = broken("event " + number(stored.seq.value()) +
                     " of the journal is earlier than the one before it");
    } else {
      seq = stored.seq;
      at = stored.event.at;
      read.push_back(stored.event);
      if (read.size() == kAppliedAtOnce) apply_read();
    }
    return !fault.has_value();
  });
  apply_read();
  if (!visited) return visited;
  if (fault) return *fault;
  return {};
}

std::string kind_only(const Event& event) {
  return std::visit([](const auto& body) { return std::string(body.kKind); }, event.body);
}

/// Steps batch after batch, and keeps the first difference.
class Verifier {
 public:
  explicit Verifier(const EventWriter& write) : write_(write ? write : EventWriter(kind_only)) {}

  /// False at the first difference.
  bool check(const StoredBatch& batch) {
    ++report_.batches;
    const EventSeq expected = core_.state().last_seq.next();
    if (batch.first_event != expected) {
      return differ("begins with event " + number(batch.first_event.value()) + ", where " +
                    number(expected.value()) + " comes next");
    }
    if (batch.now < core_.state().now) return differ("is earlier than the one before it");
    const std::vector<Event> made = core_.step(batch.now, batch.inputs);
    const std::size_t common = std::min(made.size(), batch.events.size());
    for (std::size_t i = 0; i < common; ++i) {
      if (!(made[i] == batch.events[i])) return differ_at(batch, i, &batch.events[i], &made[i]);
    }
    if (batch.events.size() > common)
      return differ_at(batch, common, &batch.events[common], nullptr);
    if (made.size() > common) return differ_at(batch, common, nullptr, &made[common]);
    report_.inputs += batch.inputs.size();
    report_.events += batch.events.size();
    return true;
  }

  [[nodiscard]] const std::optional<Error>& fault() const { return fault_; }
  [[nodiscard]] const VerifyReport& report() const { return report_; }
  [[nodiscard]] const State& state() const { return core_.state(); }

 private:
  bool differ(const std::string& how) {
    fault_ = broken("batch " + number(report_.batches) + " of the journal " + how);
    return false;
  }
  bool differ_at(const StoredBatch& batch, std::size_t index, const Event* stored,
                 const Event* made) {
    return differ("does not say what its inputs give: event " +
                  number(batch.first_event.value() + index) + " is stored as " +
                  (stored ? write_(*stored) : "nothing") + ", and the inputs give " +
                  (made ? write_(*made) : "nothing"));
  }

  EventWriter write_;
  Core core_;
  VerifyReport report_;
  std::optional<Error> fault_;
};

}  // namespace

Result<State> recover(Journal& journal) {
  Result<std::optional<State>> snapshot = journal.latest_snapshot();
  if (!snapshot) return snapshot.error();
  State state = *snapshot ? std::move(**snapshot) : State();
  const Result<EventSeq> last = journal.last_event();
  if (!last) return last.error();
  if (state.last_seq > *last) {
    return broken("the newest snapshot is of event " + number(state.last_seq.value()) +
                  ", but the journal ends with event " + number(last->value()));
  }
  if (const Result<void> replayed = replay(journal, state, *last); !replayed)
    return replayed.error();
  if (state.last_seq != *last) {
    return broken("the journal's last event is " + number(last->value()) + ", but after event " +
                  number(state.last_seq.value()) + " there are none to read");
  }
  return state;
}

Result<VerifyReport> verify(Journal& journal,
                            const std::function<void(std::uint64_t events_done)>& progress,
                            const EventWriter& write) {
  Verifier verifier(write);
  const Result<void> visited = journal.visit_batches([&](const StoredBatch& batch) {
    if (!verifier.check(batch)) return false;
    if (progress) progress(verifier.report().events);
    return true;
  });
  if (!visited) return visited.error();
  if (verifier.fault()) return *verifier.fault();

  Result<State> recovered = recover(journal);
  if (!recovered) return recovered.error();
  State stepped = verifier.state();
  if (stepped.last_seq > recovered->last_seq) {
    return broken("the batches go up to event " + number(stepped.last_seq.value()) +
                  ", but recovery ends at event " + number(recovered->last_seq.value()));
  }
  // A control plane may have appended since the batches were read.
  if (const Result<void> more = replay(journal, stepped, recovered->last_seq); !more)
    return more.error();
  if (const std::string field = first_difference(stepped, *recovered); !field.empty()) {
    return broken("the state that recovery gives is not the one that the inputs give: \"" + field +
                  "\" differs; the newest snapshot is wrong");
  }
  return verifier.report();
}

}  // namespace mw
