// Precompiled for the rooms that speak Asio: what nearly all of their files include, directly or not.
#pragma once
#include <boost/asio.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>
