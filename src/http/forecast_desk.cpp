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
    changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Work work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    work(stop_);
    lock.lock();
  }
}

}  // namespace mw::http
