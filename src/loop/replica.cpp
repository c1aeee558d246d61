#include "loop/replica.h"

namespace mw {

Replica::Replica(State state) : state_(std::move(state)), thread_([this] { run(); }) {}

Replica::~Replica() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_changed_.notify_all();
  thread_.join();
}

void Replica::publish(Publication publication) {
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(publication));
  }
  queue_changed_.notify_all();
}

void Replica::flush() {
  std::unique_lock lock(queue_mutex_);
  queue_changed_.wait(lock, [&] { return queue_.empty() && !busy_; });
}

void Replica::read(const std::function<void(const State&)>& reader) const {
  const std::shared_lock lock(state_mutex_);
  reader(state_);
}

std::uint64_t Replica::subscribe(ControlLoop::EventListener listener) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.emplace(next_listener_, std::move(listener));
  return next_listener_++;
}

void Replica::unsubscribe(std::uint64_t handle) {
  const std::lock_guard lock(listeners_mutex_);
  listeners_.erase(handle);
}

void Replica::run() {
  std::unique_lock lock(queue_mutex_);
  for (;;) {
    queue_changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Publication publication = std::move(queue_.front());
    queue_.pop_front();
    busy_ = true;
    lock.unlock();
    show(publication);
    lock.lock();
    busy_ = false;
    queue_changed_.notify_all();
  }
}

void Replica::show(const Publication& publication) {
  {
    const std::unique_lock lock(state_mutex_);
    apply_all(state_, *publication.events);
  }
  if (!publication.events->empty()) {
    const std::lock_guard lock(listeners_mutex_);
    for (const auto& [handle, listener] : listeners_)
      listener(publication.first, publication.events);
  }
  for (const auto& answer : publication.then) answer();
}

}  // namespace mw
