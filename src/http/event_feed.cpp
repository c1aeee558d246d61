#include "http/event_feed.h"

#include <algorithm>
#include <atomic>
#include <boost/json/serialize.hpp>
#include <utility>

#include "codec/event_json.h"

namespace mw::http {
namespace {

/// Events in one piece of a stream: enough to be quick, little enough to be taken in one write.
constexpr std::size_t kEventsPerPiece = 256;

class EventStream : public ByteStream, public std::enable_shared_from_this<EventStream> {
 public:
  EventStream(EventStreamSources sources, EventSeq after, EventFilter filter)
      : sources_(sources), filter_(filter), position_(after) {}

  void pull(std::function<void(std::string)> done) override {
    sources_.workers.post(
        [self = shared_from_this(), done = std::move(done)] { self->produce(done); });
  }
  [[nodiscard]] std::string heartbeat() const override { return ": nothing new\n\n"; }
  void cancel() override {
    cancelled_ = true;
    sources_.feed.forget(waiter_.exchange(0));
  }

 private:
  /// Gives the next matching events to `done`, now or when there are some.
  void produce(const std::function<void(std::string)>& done) {
    while (!cancelled_) {
      const EventSeq before = position_;
      const EventFeed::Recent recent = sources_.feed.recent(position_, kEventsPerPiece);
      std::string text;
      if (recent.in_memory) {
        for (const EventFeed::Slice& slice : recent.slices) {
          for (std::size_t i = slice.begin; i < slice.end; ++i) {
            position_ = EventSeq(slice.first.value() + i);
            const Event& event = (*slice.batch)[i];
            if (filter_.matches(event)) write(text, position_, event);
          }
        }
      } else if (!read_journal(text)) {
        return done({});  // the store is not readable now; the client resumes where it was
      }
      if (!text.empty()) return done(std::move(text));
      if (position_ == before) return wait(recent.version, done);
    }
  }

  bool read_journal(std::string& text) {
    const auto last = sources_.journal.last_event();
    if (!last) return false;
    EventQuery query;
    query.after = position_;
    query.job = filter_.job;
    query.node = filter_.node;
    query.limit = kEventsPerPiece;
    const auto events = sources_.journal.events(query);
    if (!events) return false;
    for (const StoredEvent& stored : *events) write(text, stored.seq, stored.event);
    // A page that is not full has seen everything up to what was the last event before it.
    if (events->size() < query.limit) position_ = std::max(position_, *last);
    if (!events->empty()) position_ = std::max(position_, events->back().seq);
    return true;
  }

  void wait(std::uint64_t version, const std::function<void(std::string)>& done) {
    const std::uint64_t waiter =
        sources_.feed.wait(version, [self = shared_from_this(), done] { self->pull(done); });
    waiter_ = waiter;
    if (cancelled_) sources_.feed.forget(waiter_.exchange(0));
  }

  void write(std::string& text, EventSeq seq, const Event& event) {
    text += "id: " + std::to_string(seq.value()) + "\nevent: ";
    text += kind_of(event.body);
    text += "\ndata: ";
    text += boost::json::serialize(event_view(seq, event, sources_.names.namer()));
    text += "\n\n";
  }

  const EventStreamSources sources_;
  const EventFilter filter_;
  EventSeq position_;  ///< of the last event that was looked at
  std::atomic<std::uint64_t> waiter_{0};
  std::atomic<bool> cancelled_{false};
};

}  // namespace

bool EventFilter::matches(const Event& event) const {
  if (node && node_of(event) != node) return false;
  if (!job) return true;
  if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
    return *job >= submitted->job && job->value() - submitted->job.value() < submitted->spec->array;
  }
  return job_of(event) == *job;
}

void EventFeed::start() {
  subscription_ =
      loop_.subscribe([this](EventSeq first, const auto& events) { publish(first, events); });
}

void EventFeed::stop() {
  if (subscription_) loop_.unsubscribe(*std::exchange(subscription_, std::nullopt));
  std::map<std::uint64_t, std::function<void()>> waiters;  // destroyed outside of the lock
  const std::lock_guard lock(mutex_);
  waiters.swap(waiters_);
}

void EventFeed::publish(EventSeq first, const std::shared_ptr<const std::vector<Event>>& events) {
  if (events->empty()) return;
  std::map<std::uint64_t, std::function<void()>> waiters;
  {
    const std::lock_guard lock(mutex_);
    const bool follows =
        batches_.empty() ||
        batches_.back().first.value() + batches_.back().events->size() == first.value();
    if (!follows) {
      batches_.clear();
      kept_ = 0;
    }
    batches_.push_back({first, events});
    kept_ += events->size();
    while (kept_ > events_kept_ && batches_.size() > 1) {
      kept_ -= batches_.front().events->size();
      batches_.pop_front();
    }
    ++version_;
    waiters.swap(waiters_);
  }
  for (const auto& waiter : waiters) waiter.second();
}

EventFeed::Recent EventFeed::recent(EventSeq position, std::size_t limit) const {
  const std::lock_guard lock(mutex_);
  Recent result;
  result.version = version_;
  if (batches_.empty() || position.value() + 1 < batches_.front().first.value()) return result;
  result.in_memory = true;
  const std::uint64_t wanted = position.value() + 1;
  auto batch =
      std::upper_bound(batches_.begin(), batches_.end(), wanted,
                       [](std::uint64_t seq, const Batch& one) { return seq < one.first.value(); });
  for (--batch; batch != batches_.end() && limit > 0; ++batch) {
    const std::uint64_t first = batch->first.value();
    const std::size_t begin = wanted > first ? wanted - first : 0;
    if (begin >= batch->events->size()) continue;
    const std::size_t end = std::min(batch->events->size(), begin + limit);
    result.slices.push_back({batch->first, batch->events, begin, end});
    limit -= end - begin;
  }
  return result;
}

std::uint64_t EventFeed::wait(std::uint64_t version, std::function<void()> wake) {
  {
    const std::lock_guard lock(mutex_);
    if (version_ == version) {
      waiters_.emplace(next_waiter_, std::move(wake));
      return next_waiter_++;
    }
  }
  wake();
  return 0;
}

void EventFeed::forget(std::uint64_t waiter) {
  std::function<void()> wake;  // destroyed outside of the lock: it may hold the last reference
  const std::lock_guard lock(mutex_);
  const auto found = waiters_.find(waiter);
  if (found == waiters_.end()) return;
  wake = std::move(found->second);
  waiters_.erase(found);
}

std::shared_ptr<ByteStream> make_event_stream(EventStreamSources sources, EventSeq after,
                                              EventFilter filter) {
  return std::make_shared<EventStream>(sources, after, filter);
}

}  // namespace mw::http
