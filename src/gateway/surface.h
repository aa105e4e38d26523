// A way in which clients speak to the data plane: what is different between the endpoints that call a model.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/call.h"
#include "llm/provider.h"
#include "llm/request_body.h"
#include "platform/async/task.h"

namespace fairlead::gateway {

// One call, as its surface reads it. Lives as long as the call.
struct SurfaceCall {
  llm::Call& call;                // read() fills request.model, request.stream and request.fairlead; to_chat() the rest
  llm::RequestBody body;          // as the client wrote it. Without members: the surface's form is the chat itself
  std::string_view earlier;       // raw JSON array of what load() brought, or empty; owned by the call
  std::int64_t started_at_s = 0;  // unix time
};

// Writes a chat's answer in the surface's own form. Made for one call; loop-affine.
class AnswerForm {
 public:
  virtual ~AnswerForm() = default;
  // Appends to `out` what the client gets for this piece of the answer (llm::Delta): events of a streamed one; of one
  // that is not, the whole body, once, with `end`. With `end`, `outcome` says what was used.
  virtual Result<void> take(std::string_view wire, bool end, const llm::Outcome& outcome, std::string& out) = 0;
  // Appends the events that end a stream which has begun and failed.
  virtual void fail(const Error& error, std::string& out) = 0;
  // If so, keep() is awaited after the last take() and before what it brought is sent.
  virtual bool wants_keeping() const { return false; }
  virtual async::Task<Result<void>> keep() { co_return Result<void>{}; }
};

// Immutable, shared by all loops.
class Surface {
 public:
  virtual ~Surface() = default;
  virtual llm::Format format() const = 0;
  virtual std::string_view operation() const = 0;  // of the record: gen_ai.operation.name

  // Reads and checks a body (followed by 64 readable bytes) by the surface's own contract. Errors: kInvalid, naming the
  // field.
  virtual Result<void> read(std::span<char> body, SurfaceCall& call) const = 0;
  // Whether providers that speak the format may have the body as it was sent.
  virtual bool native(const SurfaceCall& call) const { return !call.body.members.empty(); }
  // If so, load() is awaited before to_chat().
  virtual bool wants_loading(const SurfaceCall& /*call*/) const { return false; }
  virtual async::Task<Result<void>> load(SurfaceCall& /*call*/) const { co_return Result<void>{}; }
  // Makes call.request the same request as a chat. Errors: kUnsupported with the field that a chat cannot express.
  virtual Result<void> to_chat(SurfaceCall& call) const = 0;
  // What a record keeps as the input of the call (JSON), where content is recorded.
  virtual std::string input(const SurfaceCall& call) const;
  virtual std::string_view messages_field() const { return "messages"; }  // that holds what a chat's messages hold
  // Whether the call is one that is answered behind its request (background.h).
  virtual bool in_background(const SurfaceCall& /*call*/) const { return false; }
  // Null: the answer goes out as it comes.
  virtual std::unique_ptr<AnswerForm> answer_form(const SurfaceCall& /*call*/) const { return nullptr; }

  // Goes out after the last event of a stream that no AnswerForm writes, unless it ends like that already.
  virtual std::string_view stream_end() const { return {}; }
  // A header besides x-request-id in which the surface's clients look for the call's id; or empty.
  virtual std::string_view id_header() const { return {}; }
  virtual int error_status(const Error& error) const;
  virtual std::string error_body(const Error& error, std::string_view call_id) const;
  // The event that ends a stream which has begun and failed. `events` have gone out before it.
  virtual std::string error_event(const Error& error, std::string_view call_id, std::int64_t events) const;
};

}  // namespace fairlead::gateway
