// How many threads to decode with, found by trying.
#pragma once
#include <cstdint>

namespace fairlead::serving {

// llama.cpp's threads wait for each other some hundred times a token, and spin while they wait. Where another process
// wants a core too, one of them is off the processor much of the time and all the others wait for it: two threads on
// two busy cores were seen to make 5 tokens a second where one makes 40 (docs/decisions/0007-decode-threads.md). So a
// few steps are run with half or twice the threads now and then, more often when steps have become slow, and what is
// faster stays. Used by one thread.
class ThreadTuner {
 public:
  explicit ThreadTuner(int most) : most_(most), threads_(most) {}

  // For the next step.
  int threads() const { return trying_ > 0 ? candidate_ : threads_; }
  // How long that step took. Steps with another number of `items` cannot be compared, and begin a new comparison.
  void took(int items, double us);

 private:
  static constexpr int kTries = 3;
  static constexpr int kShortest = 8;  // steps between tries
  static constexpr int kLongest = 256;
  void begin_try();
  void end_try();

  int most_;
  int threads_;
  int candidate_ = 0;
  int trying_ = 0;         // steps of the try that are left
  bool downwards_ = true;  // where the next try goes, if both ways are open
  int items_ = 0;
  int steps_ = 0;                 // since the last try
  int interval_ = kShortest / 2;  // the first try comes early
  double usual_us_ = 0;           // a moving average; 0: not known
  double settled_us_ = 0;         // what was usual at the end of the last try
  double tried_us_ = 0;           // sum over the try
};

}  // namespace fairlead::serving
