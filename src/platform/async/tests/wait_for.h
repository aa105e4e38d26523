// For tests of what is awaited.
#pragma once
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "platform/async/task.h"

namespace fairlead::async {

// Runs a task on a loop of its own and waits for it.
template <class T>
T wait_for(Task<T> task) {
  IoContext context;
  std::optional<T> result;
  boost::asio::co_spawn(context, std::move(task), [&](std::exception_ptr, T value) { result = std::move(value); });
  context.run();
  return std::move(*result);
}

}  // namespace fairlead::async
