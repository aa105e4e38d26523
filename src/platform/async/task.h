// Coroutines on Asio with a concrete executor: the type-erased default costs a heap allocation and indirect calls an
// operation (docs/decisions/0002-concrete-executors.md).
#pragma once
#include <boost/asio/awaitable.hpp>
#include <boost/asio/detail/thread_info_base.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "base/result.h"
#include "platform/async/frame_pool.h"

namespace fairlead::async {

using IoContext = boost::asio::io_context;
using Executor = IoContext::executor_type;

// A coroutine that runs on one loop. Parameters by value, or references to what outlives the task; a lambda that
// captures is never a coroutine (it may forward to one). Nothing is detached: see TaskGroup.
template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

inline constexpr boost::asio::use_awaitable_t<Executor> use_task{};

}  // namespace fairlead::async

// Where Asio takes the memory of frames from. Its own way keeps two of up to 1020 bytes a thread, and a call is twenty,
// some of them larger. Every file that has a coroutine includes this header, so that all of them go by it.
template <>
inline void* boost::asio::detail::thread_info_base::allocate(awaitable_frame_tag, thread_info_base*, std::size_t size,
                                                             std::size_t) {
  return fairlead::async::FramePool::take(size);
}
template <>
inline void boost::asio::detail::thread_info_base::deallocate(awaitable_frame_tag, thread_info_base*, void* memory,
                                                              std::size_t size) {
  fairlead::async::FramePool::give(memory, size);
}
