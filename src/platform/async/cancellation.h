// Asking work on one loop to stop.
#pragma once
#include "base/error.h"

namespace fairlead::async {

// Says once that the work it stands for is no longer wanted, and why. Belongs to one loop: no member is thread-safe.
// It owns nothing; a registration must end before the Cancellation does.
class Cancellation {
 public:
  // Calls `on_cancel` when cancellation is requested, at once if it has been. An intrusive list node that leaves the
  // list when destroyed; allocates nothing. The callback may destroy other registrations, not its own.
  class Registration {
   public:
    using Callback = void (*)(void* self);
    Registration(Cancellation& cancellation, Callback on_cancel, void* self);
    ~Registration();
    Registration(const Registration&) = delete;
    Registration& operator=(const Registration&) = delete;

   private:
    friend class Cancellation;
    void leave();
    Cancellation* cancellation_;
    Registration* previous_ = nullptr;
    Registration* next_ = nullptr;
    Callback on_cancel_;
    void* self_;
  };

  Cancellation() = default;
  Cancellation(const Cancellation&) = delete;
  Cancellation& operator=(const Cancellation&) = delete;

  // The first reason stays.
  void request(ErrorKind reason = ErrorKind::kCancelled);
  bool requested() const { return requested_; }
  ErrorKind reason() const { return reason_; }
  // For a connection that serves one call after another: as new. No registration may be left.
  void reset();

 private:
  Registration* first_ = nullptr;
  bool requested_ = false;
  ErrorKind reason_ = ErrorKind::kCancelled;
};

}  // namespace fairlead::async
