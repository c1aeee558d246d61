#include "http/forecast_desk.h"

#include <sys/resource.h>
#include <unistd.h>

namespace mw::http {
namespace {

/// This thread only runs when nobody else wants the processor, or nearly so: on Linux the nice
/// value belongs to the thread. Not SCHED_IDLE, under which a forecast on a busy machine might
/// never end and still hold its copy of the state.
void give_way() { setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), 19); }

}  // namespace

ForecastDesk::ForecastDesk(std::size_t waiting_max)
    : waiting_max_(waiting_max), thread_([this] { run(); }) {}

void ForecastDesk::now_and_then(Aside work, std::chrono::nanoseconds first) {
  {
    const std::lock_guard lock(mutex_);
    aside_ = std::move(work);
    aside_at_ = std::chrono::steady_clock::now() + first;
  }
  changed_.notify_all();
}

bool ForecastDesk::post(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= waiting_max_) return false;
    queue_.push_back(std::move(work));
  }
  changed_.notify_all();
  return true;
}

void ForecastDesk::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ForecastDesk::run() {
  give_way();
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto called = [&] { return stopping_ || !queue_.empty(); };
    if (!called() && aside_) {
      const auto at = aside_at_;
      changed_.wait_until(lock, at, [&] { return called() || aside_at_ != at; });
    } else {
      changed_.wait(lock, [&] { return called() || aside_; });
    }
    if (stopping_ && queue_.empty()) return;
    if (queue_.empty()) {
      if (std::chrono::steady_clock::now() < aside_at_) continue;
      const Aside aside = aside_;
      lock.unlock();
      const auto again = aside(stop_);
      lock.lock();
      aside_at_ = std::chrono::steady_clock::now() + again;
      continue;
    }
    const Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work(stop_);
    lock.lock();
  }
}

}  // namespace mw::http
