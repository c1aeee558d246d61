// A value that copies share until one of them changes it: copying is counting one more.
//
// Two worlds may live on two threads: a forecast runs on a copy of the live state. So the count is
// atomic, and change() is safe between copies that are used by a thread each:
//  - Only through one of the copies can another be made. Whoever finds a count of 1 is the only
//    one, and stays so while it uses its copy alone; everybody else works on a clone, and reads
//    what is shared without changing it.
//  - Others may have read the value until they let go of it. Letting go is a release and looking
//    at the count an acquire, so all of that comes before the change.
// One copy is like any other object: read by many threads, or changed by one.
#pragma once

#include <cstdint>
#include <utility>

namespace mw {

template <class T>
class Shared {
 public:
  /// Nothing, which takes no memory.
  Shared() = default;
  explicit Shared(T value) : Shared(std::in_place, std::move(value)) {}
  /// A value made of these.
  template <class... Arguments>
  explicit Shared(std::in_place_t, Arguments&&... arguments)
      : block_(new Block{1, T(std::forward<Arguments>(arguments)...)}) {}
  Shared(const Shared& other) noexcept : block_(other.block_) { hold(); }
  Shared(Shared&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  Shared& operator=(const Shared& other) noexcept {
    Shared copy(other);
    std::swap(block_, copy.block_);
    return *this;
  }
  Shared& operator=(Shared&& other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~Shared() { let_go(); }

  explicit operator bool() const { return block_ != nullptr; }
  const T* get() const { return block_ == nullptr ? nullptr : &block_->value; }
  /// REQUIRES: there is something.
  const T& operator*() const { return block_->value; }
  const T* operator->() const { return &block_->value; }

  /// The value, to be changed: its own from now on. What was read through this copy before is no
  /// longer what it has, and may be gone.
  /// REQUIRES: there is something.  Cost: a copy of the value if it is shared.
  T& change() {
    if (__atomic_load_n(&block_->count, __ATOMIC_ACQUIRE) != 1) {
      *this = Shared(std::in_place, std::as_const(block_->value));
    }
    return block_->value;
  }

  /// Equal values; at no cost when it is the same one.
  friend bool operator==(const Shared& a, const Shared& b) {
    if (a.block_ == b.block_) return true;
    return a.block_ != nullptr && b.block_ != nullptr && a.block_->value == b.block_->value;
  }

 private:
  struct Block {
    // By the compiler's own operations: <atomic> is kept out of the brain, which has one thread.
    // This count is all that two brains have in common.
    std::uint64_t count;
    T value;
  };
  void hold() const {
    if (block_ != nullptr) __atomic_fetch_add(&block_->count, 1, __ATOMIC_RELAXED);
  }
  void let_go() {
    if (block_ == nullptr) return;
    const bool only = __atomic_load_n(&block_->count, __ATOMIC_ACQUIRE) == 1;
    if (only || __atomic_sub_fetch(&block_->count, 1, __ATOMIC_ACQ_REL) == 0) delete block_;
  }

  Block* block_ = nullptr;
};

}  // namespace mw
