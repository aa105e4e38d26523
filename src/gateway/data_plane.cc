#include "gateway/chat_completions.h"

#include "gateway/internal/chat_call.h"

namespace fairlead::gateway {

async::Task<void> ChatCompletions::handle(http::Exchange& exchange) const {
  internal::ChatCall call(exchange, snapshots_.current(exchange.loop()), clock_, recorder_.content_enabled());
  const bool known = co_await call.run();
  if (known) recorder_.record(exchange.loop().index(), call.take_record());
}

}  // namespace fairlead::gateway
