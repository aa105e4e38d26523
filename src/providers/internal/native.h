// Answers that go to the client in the format that they came in.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/openai_completion.h"
#include "llm/provider.h"
#include "platform/http/client.h"

namespace fairlead::providers::internal {

// What is done with an event that came.
enum class Pass : std::uint8_t { kOn, kDrop };

// Follows an answer in a format of its own, to know what it cost and whether it is whole. Loop-affine.
class NativeReader {
 public:
  virtual ~NativeReader() = default;
  // One server-sent event. An error ends the answer: the upstream's own, or upstream_invalid.
  virtual Result<Pass> event(std::string_view name, std::string_view data) = 0;
  // The body of an answer that was not streamed.
  virtual Result<void> whole(std::string_view body) = 0;
  // Nothing follows: what comes after this is not waited for.
  virtual bool ended() const { return false; }
  // All that matters has come: a stream that ends or breaks here has lost nothing.
  virtual bool complete() const { return ended(); }
  // What the client's reader waits for where a stream is complete and ends or breaks before it has ended.
  virtual std::string_view closing() const { return {}; }

  llm::Outcome outcome;
};

// Cuts a stream of server-sent events, split anywhere, into whole events as they were written.
class EventCutter {
 public:
  void add(std::string_view bytes);
  // The next whole event with the empty line that ends it, or nothing. Valid until add().
  std::string_view next();
  std::size_t held() const { return text_.size() - start_; }  // bytes of an event that has not ended

 private:
  std::string text_;
  std::size_t start_ = 0;  // of the event that next() looks at
  std::size_t line_ = 0;   // start of the line that has not ended
  std::size_t seen_ = 0;   // no line ends before this
};

struct NativeAnswer {
  bool stream = false;
  std::unique_ptr<NativeReader> reader;
};

// Reads a 2xx answer: Delta::wire is what came, in whole events (or one whole body), but for comments and those that
// the reader drops. Errors as llm::Completion::next; a stream that ends before it is complete is upstream_reset.
std::unique_ptr<llm::Completion> pass_on(std::unique_ptr<http::ClientResponse> response, NativeAnswer answer);

}  // namespace fairlead::providers::internal
