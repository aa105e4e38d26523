#include "platform/store/internal/submit.h"

#include <future>
#include <optional>
#include <utility>

namespace fairlead::store {
namespace {

struct Submit {
  Writer* writer;
  template <class Handler>
  void operator()(Handler handler, Database::Work work) const {
    writer->submit(std::move(work), [resume = async::Resumption(std::move(handler))](Result<void> result) mutable {
      resume(std::optional<Result<void>>(std::move(result)));
    });
  }
};

}  // namespace

async::Task<Result<void>> submit(Writer& writer, Database::Work work) {
  std::optional<Result<void>> result =
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<async::Executor>&,
                                           void(std::optional<Result<void>>)>(Submit{&writer}, async::use_task,
                                                                              std::move(work));
  co_return std::move(*result);
}

Result<void> submit_blocking(Writer& writer, const Database::Work& work) {
  std::promise<Result<void>> promise;
  writer.submit(work, [&promise](Result<void> result) { promise.set_value(std::move(result)); });
  return promise.get_future().get();
}

}  // namespace fairlead::store
