#include "platform/async/cancellation.h"

#include <cassert>

namespace fairlead::async {

Cancellation::Registration::Registration(Cancellation& cancellation, Callback on_cancel, void* self)
    : cancellation_(&cancellation), on_cancel_(on_cancel), self_(self) {
  if (cancellation.requested_) {
    cancellation_ = nullptr;
    on_cancel_(self_);
    return;
  }
  next_ = cancellation.first_;
  if (next_) next_->previous_ = this;
  cancellation.first_ = this;
}

Cancellation::Registration::~Registration() {
  leave();
}

void Cancellation::Registration::leave() {
  if (!cancellation_) return;
  (previous_ ? previous_->next_ : cancellation_->first_) = next_;
  if (next_) next_->previous_ = previous_;
  cancellation_ = nullptr;
  previous_ = next_ = nullptr;
}

void Cancellation::request(ErrorKind reason) {
  if (requested_) return;
  requested_ = true;
  reason_ = reason;
  while (first_) {
    Registration* const one = first_;
    one->leave();
    one->on_cancel_(one->self_);
  }
}

void Cancellation::reset() {
  assert(!first_);
  requested_ = false;
  reason_ = ErrorKind::kCancelled;
}

}  // namespace fairlead::async
