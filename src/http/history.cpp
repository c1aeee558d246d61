#include "http/history.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace mw::http {

void History::start() {
  subscription_ = loop_.subscribe(
      [this](EventSeq first, const std::shared_ptr<const std::vector<Event>>& events) {
        take(first, events);
      });
  reader_ = std::thread([this] { read_past(); });
}

void History::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (subscription_) loop_.unsubscribe(*std::exchange(subscription_, std::nullopt));
  if (reader_.joinable()) reader_.join();
}

Result<void> History::read(
    const std::function<void(const Goodput&, const Incidents&)>& reader) const {
  const std::lock_guard lock(mutex_);
  if (is_current_) {
    incidents_.until(loop_.now());
    reader(goodput_, incidents_);
    return {};
  }
  if (!failure_.empty()) {
    return Error{ErrorCode::kUnavailable,
                 "The history could not be read, so this is not known: " + failure_};
  }
  return Error{ErrorCode::kUnavailable,
               "The history is still being read (" + std::to_string(last_.value()) +
                   (heard_ == EventSeq() ? "" : " of " + std::to_string(heard_.value())) +
                   " events so far): try again in some seconds."};
}

void History::take(EventSeq first, const std::shared_ptr<const std::vector<Event>>& events) {
  const std::lock_guard lock(mutex_);
  heard_ = EventSeq(first.value() + events->size() - 1);
  if (!failure_.empty()) return;
  waiting_.push_back({first, events});
  if (is_current_) note_waiting();
}

void History::note(EventSeq seq, const Event& event) {
  if (seq <= last_) return;
  last_ = seq;
  goodput_.note(event);
  incidents_.note(seq, event);
}

void History::note_waiting() {
  for (; !waiting_.empty(); waiting_.pop_front()) {
    const Batch& batch = waiting_.front();
    // What is missing in between has been stored, and is read from there.
    if (batch.first.value() > last_.value() + 1) return;
    EventSeq seq = batch.first;
    for (const Event& event : *batch.events) {
      note(seq, event);
      seq = seq.next();
    }
  }
}

void History::read_past() {
  for (;;) {
    EventSeq after;
    {
      const std::lock_guard lock(mutex_);
      after = last_;
    }
    const Result<void> visited = journal_.visit_events(after, [this](const StoredEvent& stored) {
      const std::lock_guard lock(mutex_);
      note(stored.seq, stored.event);
      return !stopping_;
    });
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    if (!visited) {
      failure_ = visited.error().message;
      waiting_.clear();
      spdlog::error("http: the history could not be read: {}", failure_);
      return;
    }
    note_waiting();
    if (!waiting_.empty()) continue;
    is_current_ = true;
    return;
  }
}

}  // namespace mw::http
