// Answers that are translated into the OpenAI chat-completions form on their way.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/openai_completion.h"
#include "llm/provider.h"
#include "platform/http/client.h"
#include "platform/http/sse.h"
#include "providers/internal/answer_body.h"

namespace fairlead::providers::internal {

// What a translator must know of the request.
struct TranslatorOptions {
  bool include_usage = false;
  std::int64_t created = 0;  // unix seconds; few vendors say
  std::string call_id;       // for vendors whose answers have no id
  std::string model;         // the upstream's name, for those that do not repeat it
  llm::Secrets secrets{};
};

// Follows one answer of a vendor. Used for a stream (take, end) or for a whole answer. Loop-affine.
class Translator {
 public:
  virtual ~Translator() = default;
  // Takes the next bytes of a streamed body, split anywhere, and appends the chunks that they become to `out`, ready
  // for the wire. Errors: the upstream's own, or upstream_invalid.
  virtual Result<void> take(std::string_view bytes, std::string& out) = 0;
  // The body has ended: what is still owed. Error: upstream_reset if the answer is not whole.
  virtual Result<void> end(std::string& out) = 0;
  // All has been said and written; what the body still holds is read and forgotten.
  virtual bool ended() const = 0;
  // All that the client waits for has come, so that a connection that breaks now has lost nothing.
  virtual bool complete() const = 0;
  // A whole answer as a chat.completion object.
  virtual Result<std::string> whole(std::string_view body) = 0;
  virtual const llm::Outcome& outcome() const = 0;
};

// A translator of server-sent events: `event` gets the data of each that is not empty.
class EventTranslator : public Translator {
 public:
  Result<void> take(std::string_view bytes, std::string& out) final;
  Result<void> end(std::string& out) override;

 protected:
  virtual Result<void> event(std::string_view data, std::string& out) = 0;
  // Called when the body has ended and all that matters had come; writes what is owed (usage).
  virtual void close(std::string& out) = 0;

 private:
  http::SseParser parser_{kAnswerLimit};
};

struct Translation {
  bool stream = false;
  std::unique_ptr<Translator> translator;
};

// Reads a 2xx answer; errors as llm::Completion::next.
std::unique_ptr<llm::Completion> translate(std::unique_ptr<http::ClientResponse> response, Translation translation);

}  // namespace fairlead::providers::internal
