// Work that is put off until a loop has run all that is ready now, and is then done together with that of others:
// docs/decisions/0040-sent-together.md.
#pragma once
#include <boost/intrusive/list.hpp>

namespace fairlead::async {

class Loop;

// Belongs to one loop, where all of it is called; lives no longer than the loop. Destroying it forgets what was asked
// for.
class BatchEnd : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  using Run = void (*)(void* self);
  BatchEnd(Loop& loop, Run run, void* self) : loop_(loop), run_(run), self_(self) {}
  BatchEnd(const BatchEnd&) = delete;
  BatchEnd& operator=(const BatchEnd&) = delete;

  // Runs it once, however often it is asked for until then: later, or now if many have asked, so that nobody waits for
  // more than a few.
  void ask();

 private:
  friend class Loop;
  Loop& loop_;
  const Run run_;
  void* const self_;
};

}  // namespace fairlead::async
