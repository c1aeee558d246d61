// A value that does not change and that copies share: for what is large and is handed on from one
// to the next, as the specification of a job is from whoever submits it to the event, the state and
// the engine. It reads as the value does, and two are equal when their values are.
#pragma once

#include <memory>
#include <utility>

namespace mw {

template <class T>
class Boxed {
 public:
  using element_type = T;

  /// A value as it is made.
  Boxed() = default;
  Boxed(T value) : value_(std::make_shared<const T>(std::move(value))) {}
  /// REQUIRES: value is not null.
  Boxed(std::shared_ptr<const T> value) : value_(std::move(value)) {}

  const T& operator*() const { return value_ ? *value_ : as_made(); }
  const T* operator->() const { return &**this; }
  operator const T&() const { return **this; }

  /// A copy of the value, to be changed, which takes its place here.
  T& change() {
    auto changed = std::make_shared<T>(**this);
    T& value = *changed;
    value_ = std::move(changed);
    return value;
  }

  /// The same value, to be kept.
  [[nodiscard]] std::shared_ptr<const T> pointer() const {
    return value_ ? value_ : std::make_shared<const T>();
  }

  friend bool operator==(const Boxed& a, const Boxed& b) {
    return a.value_ == b.value_ || *a == *b;
  }

 private:
  static const T& as_made() {
    static const T made;
    return made;
  }
  std::shared_ptr<const T> value_;
};

}  // namespace mw
