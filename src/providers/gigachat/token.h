// Access tokens of GigaChat (https://developers.sber.ru/docs/ru/gigachat/api/authorization).
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/secret.h"
#include "llm/openai_completion.h"
#include "llm/provider.h"
#include "platform/async/task.h"
#include "platform/http/client.h"

namespace fairlead::providers::gigachat {

struct TokenOptions {
  std::string auth_url;
  SecretText key;     // the authorization key, base64 as it is given out
  std::string scope;  // GIGACHAT_API_PERS, …
  std::chrono::milliseconds timeout{60'000};
  llm::Secrets secrets;
  std::function<http::Client&(async::Loop&)> client;
  const Clock* clock = nullptr;
};

// Gets tokens and keeps one until shortly before it expires. Thread-safe: the token is shared by all loops; on each
// loop one call at a time asks for a new one, and the others wait for it, or go on with the old one while it lasts.
class TokenSource {
 public:
  static Result<std::unique_ptr<TokenSource>> create(TokenOptions options);

  // A token that will last for this call. Errors as llm::Provider::chat.
  async::Task<Result<SecretText>> get(llm::CallContext context);
  // The upstream does not take this one any more.
  void forget(std::string_view token);

 private:
  struct Flight;
  TokenSource(TokenOptions options, http::Origin origin) : options_(std::move(options)), origin_(std::move(origin)) {}
  // Empty if there is none that lasts for `margin`.
  SecretText kept(std::chrono::milliseconds margin);
  std::shared_ptr<Flight> flight_of(async::Loop& loop);
  async::Task<Result<SecretText>> fetch(llm::CallContext context);

  TokenOptions options_;
  http::Origin origin_;
  std::mutex mutex_;  // of what follows; never held while waiting
  SecretText token_;
  std::int64_t expires_at_ms_ = 0;
  std::map<int, std::shared_ptr<Flight>> flights_;  // by the loop's index
};

}  // namespace fairlead::providers::gigachat
