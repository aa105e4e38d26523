// Coroutines on Asio with a concrete executor: the type-erased default costs a heap allocation and indirect calls an
// operation (docs/decisions/0002-concrete-executors.md).
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.h"

namespace fairlead::async {

using IoContext = boost::asio::io_context;
using Executor = IoContext::executor_type;

// A coroutine that runs on one loop. Parameters by value, or references to what outlives the task; a lambda that
// captures is never a coroutine (it may forward to one). Nothing is detached: see TaskGroup.
template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

}  // namespace fairlead::async
