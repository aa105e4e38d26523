// One call of a model from the head of its request to its record, whatever its surface.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "access/keys.h"
#include "base/clock.h"
#include "gateway/background.h"
#include "gateway/cache/cache.h"
#include "gateway/internal/admission.h"
#include "gateway/internal/answer.h"
#include "gateway/internal/answer_text.h"
#include "gateway/internal/session_call.h"
#include "gateway/internal/shadows.h"
#include "gateway/snapshot.h"
#include "gateway/surface.h"
#include "llm/call.h"
#include "llm/privacy.h"
#include "platform/http/server.h"
#include "telemetry/recorder.h"

namespace fairlead::gateway::internal {

// Lives on the handler's coroutine frame. Its steps run in the order of their declaration.
class CallPipeline {
 public:
  CallPipeline(http::Exchange& exchange, const Surface& surface, std::shared_ptr<const Snapshot> snapshot,
               telemetry::Recorder& recorder, Shadows& shadows, cache::Cache& cache, sessions::Sessions& sessions,
               Background& background, const Clock& clock);

  // The whole of it. A call of a known key is recorded once.
  async::Task<void> run();

 private:
  Result<void> authenticate();
  async::Task<Result<void>> prepare();  // read, resolve, make it a chat where one is needed, run the target's stages
  Result<const Target*> resolve();
  async::Task<Result<void>> hide();  // what a privacy policy keeps from leaving
  Result<void> attribute(const Project& project);
  async::Task<Result<void>> make_chat(bool needed);
  async::Task<Result<void>> answer();
  Result<void> check_background() const;
  async::Task<Result<void>> relay_whole(Answer& from);
  async::Task<Result<void>> relay_stream(Answer& from);
  Result<std::string_view> in_form(const llm::Delta& delta, const Answer& from);
  void note_events(std::string_view wire);
  bool must_wait() const;  // for before_the_end()
  async::Task<Result<void>> before_the_end();
  async::Task<void> refuse(Error error);
  void begin_answer(const Answer& from);
  void note_outcome(Answer& from);
  void note_client_gone();
  void complete_record();  // once
  std::int64_t so_far_us() const;
  bool speaks_of_text() const;
  void draw_shadow(const std::optional<routing::Shadow>& shadow);
  void leave_shadow();  // behind the last byte

  http::Exchange& exchange_;
  const Surface& surface_;
  std::shared_ptr<const Snapshot> snapshot_;
  telemetry::Recorder& recorder_;
  Shadows& shadows_;
  cache::Cache& cache_;
  sessions::Sessions& sessions_;
  Background& background_;
  const Clock& clock_;
  const SteadyTime started_;
  Admission admission_;
  const access::Principal* principal_ = nullptr;
  const Target* target_ = nullptr;
  llm::Call call_;
  SurfaceCall surface_call_;
  std::optional<Error> no_chat_;                   // why the request is none
  bool native_ = false;                            // providers that speak the surface's format get the body as it is
  const llm::Privacy* policy_ = nullptr;           // of the snapshot
  std::unique_ptr<llm::PrivacyCall> privacy_;      // null: no policy applies
  bool is_free_ = false;                           // the call is resolved, and no policy applies
  bool hidden_ = false;                            // what is personal has been taken out
  bool restores_ = false;                          // restorer_ has been asked for
  std::unique_ptr<llm::AnswerRewriter> restorer_;  // null: the client gets what the model said
  std::unique_ptr<AnswerForm> form_;
  std::unique_ptr<AnswerForm> kept_form_;  // keeps the answer as the model gave it, where the client gets another
  std::unique_ptr<SessionCall> session_;   // null: nothing is remembered
  std::unique_ptr<AnswerText> text_;       // only where content is recorded
  std::string out_;                        // what the form wrote last
  std::int64_t events_ = 0;                // that have gone out of a stream which is passed on
  bool done_ = false;                      // they have ended with [DONE]
  telemetry::CallRecord record_;
  bool recorded_ = false, noted_ = false;
  const routing::Shadow* shadow_ = nullptr;     // the call is one of those that have one
  std::optional<llm::ChatRequest> unrendered_;  // for it, as the prompt got it
  std::unique_ptr<ShadowCall> shadow_call_;
  std::optional<llm::ChatRequest> unfitted_;  // with all of its messages, where an answer may be asked for again
  bool routed_ = false;                       // a route has been tried
};

}  // namespace fairlead::gateway::internal
